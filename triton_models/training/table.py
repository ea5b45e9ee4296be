# SPDX-License-Identifier: Apache-2.0
"""A comma-separated table under a header, read strictly: every row is whole, or a fault."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.errors import OptionInvalid

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

#: A product has a few dozen columns at most; thousands are another file.
MAX_COLUMNS = 1_000


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of the file."""

    line: int
    """Where it begins, from 1."""
    cells: Mapping[str, str]
    """By column; empty where a fault leaves open which is which."""
    fault: str | None = None


def read_table(file: Path, required: Collection[str]) -> Iterator[TableRow]:
    """The rows that are not blank, in order. Raises OptionInvalid for a file that is no table with those columns.

    A faulty row costs its first line only: what it swallowed behind a stray quote is read again.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            records = _records(list(text))
    except (OSError, UnicodeDecodeError) as error:
        raise OptionInvalid(f"{file} cannot be read: {error}") from error
    line, header = next(records, (1, []))
    if isinstance(header, str):
        raise OptionInvalid(f"{file} line {line}, the header: {header}")
    if len(header) > MAX_COLUMNS:
        raise OptionInvalid(f"{file} line {line}, the header: {len(header)} columns, more than {MAX_COLUMNS}")
    if missing := set(required) - set(header):
        raise OptionInvalid(f"{file} has no column {', '.join(sorted(missing))}")
    for line, cells in records:
        if isinstance(cells, str):
            yield TableRow(line, {}, cells)
        else:
            yield TableRow(line, dict(zip(header, cells, strict=True)))


def _records(lines: Sequence[str]) -> Iterator[tuple[int, list[str] | str]]:
    """The first line of each record, and its cells or what is wrong with it; all are as wide as the first."""
    start = width = 0
    while start < len(lines):
        reader = csv.reader(map(lines.__getitem__, range(start, len(lines))), strict=True)
        begin = start
        try:
            for cells in reader:
                width = width or len(cells)
                if len(cells) not in {0, width}:
                    fault = f"{len(cells)} columns instead of {width}"
                    break
                if cells:
                    yield begin + 1, cells
                begin = start + reader.line_num
            else:
                return
        except csv.Error as error:
            fault = "a quote is not closed" if "unexpected end" in str(error) else f"not quoted as CSV: {error}"
        yield begin + 1, fault
        start = begin + 1
