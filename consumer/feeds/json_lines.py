# SPDX-License-Identifier: Apache-2.0
"""The adapter for JSON lines: one product a line, columns named as the fields of ProductEvent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_core import from_json

from consumer.feeds.rows import BadRow, Row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

#: No event of this size fits its topic; without a limit one endless line would fill the memory.
MAX_LINE_BYTES = 16 << 20

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_json_lines(file: BinaryIO) -> Iterator[Row | BadRow]:
    """One row per line that is not blank, in order. Lines are counted from 1."""
    for number, line in enumerate(_lines(file), start=1):
        if line is None:
            yield BadRow(number, f"longer than {MAX_LINE_BYTES} bytes")
        elif line.strip():
            yield _row(number, line)


def _lines(file: BinaryIO) -> Iterator[bytes | None]:
    """The lines; None for one that is too long."""
    is_first = True
    while line := file.readline(MAX_LINE_BYTES):
        is_whole = line.endswith(b"\n") or len(line) < MAX_LINE_BYTES
        yield (line.removeprefix(_BYTE_ORDER_MARK) if is_first else line) if is_whole else None
        is_first = False
        while not is_whole:
            rest = file.readline(MAX_LINE_BYTES)
            is_whole = rest.endswith(b"\n") or len(rest) < MAX_LINE_BYTES


def _row(number: int, line: bytes) -> Row | BadRow:
    try:
        fields = from_json(line)
    except ValueError as error:
        return BadRow(number, f"not JSON: {error}")
    return Row(number, fields) if isinstance(fields, dict) else BadRow(number, "not a JSON object")
