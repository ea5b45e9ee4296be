# SPDX-License-Identifier: Apache-2.0
"""Product events as plain JSON, checked against the same rules as the schema.

Nullable fields bare or absent, `amount` a decimal string, `occurred_at` RFC 3339 or integer microseconds. Unknown
fields are ignored and counted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, Required

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    TypeAdapter,
    ValidationError,
    with_config,
)
from pydantic_core import ErrorDetails, from_json
from typing_extensions import TypedDict

from consumer.errors import DeadLetterReason, Unprocessable
from consumer.events import EventType, Price, ProductEvent
from consumer.faults import plain

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_AMOUNT: Final = re.compile(r"-?\d{1,10}(\.\d{1,2})?", re.ASCII)
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_AVRO_LONG: Final = 1 << 63

#: Values of one event, counted by the signs before one; a product has hundreds. While one event is read
#: nothing else of the process runs, in whatever thread: a million values take up to 2 s, these some 0.05 s.
_MAX_VALUES: Final = 50_000
_SIGNS: Final = (b",", b"[", b"{")
_QUOTES_PER_VALUE: Final = 4  # its name's and its own
_SPACE: Final = b" \t\n\r"

#: More faults than this tell the vendor nothing new; a path may hold a name of the vendor's, of any length.
_MAX_FAULTS: Final = 5
_MAX_PATH_CHARACTERS: Final = 100


@dataclass(frozen=True, slots=True)
class JsonEvent:
    """An event read from JSON, and how many of its fields no schema knows."""

    event: ProductEvent
    unknown_fields: int


def _moment(value: object) -> datetime:
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return _EPOCH + timedelta(microseconds=value)
        if isinstance(value, str) and _RFC3339.fullmatch(value):
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the years 1-9999") from error
    raise ValueError("must be RFC 3339 with a zone, or integer microseconds since the epoch")


def _amount(value: object) -> Decimal:
    if isinstance(value, str) and _AMOUNT.fullmatch(value):
        return Decimal(value)
    raise ValueError("must be a string of digits, at most 10 before and 2 after the point")


def _texts(values: dict[str, Any]) -> dict[str, str]:
    # pydantic's own check would collect every fault: a hostile map of 8 MB holds the process up for 8 s.
    for name, value in values.items():
        if not isinstance(value, str):
            raise ValueError(f"the value of {name[:_MAX_PATH_CHARACTERS]!r} must be a string")  # noqa: TRY004  # as below
    return values


def _event_type(value: object) -> EventType:
    if not isinstance(value, str):
        raise ValueError("must be a string")  # noqa: TRY004  # pydantic turns ValueError into a fault, nothing else
    try:
        return EventType(value.upper())
    except ValueError:
        return EventType.UNKNOWN  # as Avro reads a symbol that this version does not know


#: Strict types; fields that the schema does not know are kept, to be counted.
_RULES: Final = ConfigDict(strict=True, extra="allow")


@with_config(_RULES)
class _PriceForm(TypedDict):
    amount: Annotated[Decimal, BeforeValidator(_amount)]
    currency: str


# Forms are plain dicts: a feed of a million rows feels what a model costs beyond its checks.
@with_config(_RULES)
class _EventForm(TypedDict, total=False):
    event_id: Required[str]
    event_type: Required[Annotated[EventType, BeforeValidator(_event_type)]]
    vendor_id: Required[str]
    sku: Required[str]
    product_version: Required[Annotated[int, Field(ge=-_AVRO_LONG, lt=_AVRO_LONG)]]
    occurred_at: Required[Annotated[datetime, BeforeValidator(_moment)]]
    title: str
    description: str | None
    brand: str | None
    vendor_category: str | None
    vendor_attributes: Annotated[dict[str, Any], AfterValidator(_texts)]
    image_urls: Annotated[list[str], FailFast()]
    language: str | None
    item_group_id: str | None
    price: _PriceForm | None
    product_url: str | None
    feed: str | None


_FORM: Final[TypeAdapter[Any]] = TypeAdapter(_EventForm)
_EVENT_FIELDS: Final = frozenset(_EventForm.__annotations__)
_PRICE_FIELDS: Final = frozenset(_PriceForm.__annotations__)


def read_json_event(value: bytes | str) -> JsonEvent:
    """Read one event.

    Raises Unprocessable: `json_malformed` when it is not a JSON object, `field_invalid` with the path of each field
    that does not fit, or for more values than a product can have, whatever follows them.
    """
    raw = value.encode() if isinstance(value, str) else value
    if _signs(raw) > _MAX_VALUES and _has_too_many_values(raw):
        raise _too_many_values(raw)
    try:
        form = _FORM.validate_json(value)
    except ValidationError as error:
        raise _unprocessable(error, value) from error
    return _event(form)


def check_event(fields: dict[str, Any]) -> JsonEvent:  # any JSON
    """The same checks on an object that is parsed already. Raises Unprocessable `field_invalid`."""
    try:
        form = _FORM.validate_python(fields)
    except ValidationError as error:
        raise Unprocessable(DeadLetterReason.FIELD_INVALID, _faults(error)) from error
    return _event(form)


def _signs(raw: bytes) -> int:
    return sum(map(raw.count, _SIGNS))


def _has_too_many_values(raw: bytes) -> bool:
    """Outside texts. No regular expression: one takes 2 s for 8 MB of quotes, this takes 0.15 s whatever they are."""
    unescaped = raw.replace(rb"\\", b"").replace(rb"\"", b"")
    if unescaped.count(b'"') > _QUOTES_PER_VALUE * _MAX_VALUES:
        return True
    return _signs(b"".join(unescaped.split(b'"')[::2])) > _MAX_VALUES


def _too_many_values(raw: bytes) -> Unprocessable:
    words = f"the event holds more than {_MAX_VALUES:,} values"
    if raw.lstrip(_SPACE).startswith(b"{"):
        return Unprocessable(DeadLetterReason.FIELD_INVALID, words)
    return Unprocessable(DeadLetterReason.JSON_MALFORMED, f"not a JSON object: {words}")


def _event(form: dict[str, Any]) -> JsonEvent:
    """Takes the form apart. What it does not name has the dataclass's default, as in the schema."""
    unknown = _drop_unknown(form, _EVENT_FIELDS)
    if "image_urls" in form:
        form["image_urls"] = tuple(form["image_urls"])
    price = form.get("price")
    if price is not None:
        unknown += _drop_unknown(price, _PRICE_FIELDS)
        form["price"] = Price(**price)
    return JsonEvent(ProductEvent(**form), unknown)


def _drop_unknown(form: dict[str, Any], known: frozenset[str]) -> int:
    unknown = form.keys() - known
    for name in unknown:
        del form[name]
    return len(unknown)


def _unprocessable(error: ValidationError, value: bytes | str) -> Unprocessable:
    first = error.errors(include_url=False, include_input=False)[0]
    if not first["loc"]:
        return Unprocessable(DeadLetterReason.JSON_MALFORMED, f"not a JSON object: {first['msg']}")
    event_id = from_json(value).get("event_id")
    known_id = event_id if isinstance(event_id, str) else None
    return Unprocessable(DeadLetterReason.FIELD_INVALID, _faults(error), event_id=known_id)


def _faults(error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_input=False)
    more = [f"and {len(faults) - _MAX_FAULTS} more"] if len(faults) > _MAX_FAULTS else []
    return "; ".join([_fault(fault) for fault in faults[:_MAX_FAULTS]] + more)


def _fault(fault: ErrorDetails) -> str:
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in fault["loc"])
    return f"{path.lstrip('.')[:_MAX_PATH_CHARACTERS]}: {plain(fault['msg'])}"
