# SPDX-License-Identifier: Apache-2.0
"""Avro binary, written: each schema becomes one function, once.

fastavro's writer asks of every value anew which type it is to be written as; a feed of a million rows feels that. The
bytes are the same.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from consumer.registry.files import Schema

Json = Any  # a schema, or a part of one

Write = Callable[[list[bytes], Any], None]
"""Appends the bytes of a value. What it raises for a value that does not fit is in `UNFIT`."""

UNFIT = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, struct.error)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LONG = 1 << 63


def writer_of(schema: Schema) -> Write:
    """The function for a schema that fastavro has parsed. Raises ValueError for what no schema of ours has."""
    return _writer(schema, {})


def _writer(schema: Json, named: dict[str, Write]) -> Write:
    if isinstance(schema, list):
        return _optional(schema, named)
    if isinstance(schema, str):
        schema = {"type": schema}
    kind = schema.get("logicalType") or schema["type"]
    if kind in _MAKERS:
        write = _MAKERS[kind](schema, named)
        return named.setdefault(schema["name"], write) if "name" in schema else write
    found = named.get(kind) or _LEAVES.get(kind)
    if found is None:
        raise ValueError(f"no type that is written here: {schema}")
    return found


def _optional(union: list[Json], named: dict[str, Write]) -> Write:
    null, schema = union
    if null != "null":
        raise ValueError(f"no union that is written here: {union}")
    inner = _writer(schema, named)

    def write(out: list[bytes], value: Any) -> None:
        if value is None:
            out.append(b"\0")
        else:
            out.append(b"\2")
            inner(out, value)

    return write


def _record(schema: Schema, named: dict[str, Write]) -> Write:
    fields = [(field["name"], _writer(field["type"], named)) for field in schema["fields"]]

    def write(out: list[bytes], value: Mapping[str, Any]) -> None:
        for name, inner in fields:
            inner(out, value[name])

    return write


def _enum(schema: Schema, _named: dict[str, Write]) -> Write:
    codes = {symbol: _zigzag(code) for code, symbol in enumerate(schema["symbols"])}
    return lambda out, value: out.append(codes[value])


def _array(schema: Schema, named: dict[str, Write]) -> Write:
    if schema["items"] == "float":
        return _floats
    inner = _writer(schema["items"], named)

    def write(out: list[bytes], value: Sequence[Any]) -> None:
        if value:
            _long(out, len(value))
            for item in value:
                inner(out, item)
        out.append(b"\0")

    return write


def _map(schema: Schema, named: dict[str, Write]) -> Write:
    inner = _writer(schema["values"], named)

    def write(out: list[bytes], value: Mapping[str, Any]) -> None:
        if value:
            _long(out, len(value))
            for name, item in value.items():
                _string(out, name)
                inner(out, item)
        out.append(b"\0")

    return write


def _decimal(schema: Schema, _named: dict[str, Write]) -> Write:
    precision, scale = schema["precision"], schema["scale"]
    limit = 10**precision

    def write(out: list[bytes], value: Decimal) -> None:
        shifted = value.scaleb(scale)
        unscaled = int(shifted)
        if unscaled != shifted or abs(unscaled) >= limit:
            raise ValueError(f"{value} has more than {precision} digits, or more than {scale} after the point")
        _bytes(out, unscaled.to_bytes(unscaled.bit_length() // 8 + 1, "big", signed=True))

    return write


def _floats(out: list[bytes], value: Sequence[float]) -> None:
    if value:
        _long(out, len(value))
        out.append(struct.pack(f"<{len(value)}f", *value))
    out.append(b"\0")


def _moment(out: list[bytes], value: datetime) -> None:
    out.append(_zigzag((value - _EPOCH) // _MICROSECOND))


def _string(out: list[bytes], value: str) -> None:
    _bytes(out, value.encode())


def _bytes(out: list[bytes], value: bytes) -> None:
    _long(out, len(value))
    out.append(value)


def _long(out: list[bytes], value: int) -> None:
    out.append(_SMALL[value] if 0 <= value < _SMALL_END else _zigzag(value))


def _zigzag(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the sign is the lowest bit of all."""
    if not -_LONG <= number < _LONG:
        raise ValueError(f"{number} does not fit into 64 bits")
    rest = number << 1 ^ number >> 63
    code = bytearray()
    while rest > 0x7F:  # noqa: PLR2004
        code.append(rest & 0x7F | 0x80)
        rest >>= 7
    code.append(rest)
    return bytes(code)


#: The lengths of nearly all texts.
_SMALL_END = 1 << 10
_SMALL = [_zigzag(number) for number in range(_SMALL_END)]

_LEAVES: dict[str, Write] = {
    "string": _string,
    "bytes": _bytes,
    "int": _long,
    "long": _long,
    "boolean": lambda out, value: out.append(b"\1" if value else b"\0"),
    "float": lambda out, value: out.append(struct.pack("<f", value)),
}

_MAKERS: dict[str, Callable[[Schema, dict[str, Write]], Write]] = {
    "record": _record,
    "enum": _enum,
    "array": _array,
    "map": _map,
    "decimal": _decimal,
    "timestamp-micros": lambda _schema, _named: _moment,
}
