# SPDX-License-Identifier: Apache-2.0
"""A delimited text file as records under a header: quoting, delimiters found out, faults named with their line.

A record that cannot be parsed costs its first line only: what it swallowed behind a stray quote is read again.
"""

from __future__ import annotations

import csv
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.errors import FeedInvalid
from consumer.feeds.opening import BrokenOff

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from typing import TextIO

DELIMITERS = (",", ";", "\t", "|")

#: No event of this size fits its topic; without a limit one endless record would fill the memory.
MAX_RECORD_CHARACTERS = 16 << 20

#: A product has a few hundred columns at most; thousands are another file.
MAX_COLUMNS = 1_000
_SHOWN_COLUMNS = 12
_SHOWN_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Record:
    """One line of the table, or several where a quoted cell goes on. `line` is its first, from 1."""

    line: int
    cells: list[str]
    """Stripped, as many as the header has; none where a fault leaves open which is which."""
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table is written. `wanted` are columns that it must have, `rename` makes the header's names those."""

    delimiter: str | None
    wanted: Collection[str]
    rename: Callable[[str], str] = str


class Table:
    """Reads the header at once, records as they are asked for."""

    def __init__(self, text: TextIO, dialect: Dialect) -> None:
        """Raises FeedInvalid when there is no header, or not the wanted columns in it."""
        self._lines = _Lines(text)
        first = self._lines.first_line()
        self.delimiter = dialect.delimiter or _best_delimiter(first, dialect)
        # `_Lines` limits whole records; the module's own limit of 128 kB is for one cell.
        csv.field_size_limit(2 * MAX_RECORD_CHARACTERS)
        self._reader = csv.reader(self._lines, delimiter=self.delimiter, strict=True)
        self.header = self._header(dialect)
        lacking = [name for name in dialect.wanted if name not in self.header]
        if lacking:
            raise FeedInvalid(f"no column {', '.join(map(repr, lacking))}; {self._told()}{self._hint(first, dialect)}")

    def column(self, name: str) -> int:
        """The position of a column. Raises FeedInvalid when the header has none of that name, or two."""
        found = [position for position, column in enumerate(self.header) if column == name]
        if len(found) == 1:
            return found[0]
        raise FeedInvalid(f"{len(found) or 'no'} columns {name!r}; {self._told()}")

    def __iter__(self) -> Iterator[Record]:
        """The records that are not blank, in order."""
        lines = self._lines
        while True:
            line = lines.begin()
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except (csv.Error, _TooLong) as error:
                lines.read_again()
                yield Record(line, [], _reason(error))
                continue
            cells = [cell.strip() for cell in cells]
            if any(cells):
                yield self._record(line, cells)

    def _record(self, line: int, cells: list[str]) -> Record:
        if len(cells) != len(self.header):
            return Record(line, [], f"{len(cells)} columns instead of {len(self.header)}")
        return Record(line, cells, self._lines.fault)

    def _header(self, dialect: Dialect) -> list[str]:
        line = self._lines.begin()
        try:
            names = next(self._reader)
        except (csv.Error, _TooLong) as error:
            raise FeedInvalid(f"line {line}, the header: {_reason(error)}") from error
        if self._lines.fault is not None:
            raise FeedInvalid(f"line {line}, the header: {self._lines.fault}")
        if len(names) > MAX_COLUMNS:
            raise FeedInvalid(f"line {line}, the header: {len(names)} columns, more than {MAX_COLUMNS}")
        return [dialect.rename(name.strip()) for name in names]

    def _told(self) -> str:
        shown = ", ".join(repr(name[:_SHOWN_CHARACTERS]) for name in self.header[:_SHOWN_COLUMNS])
        more = ", …" if len(self.header) > _SHOWN_COLUMNS else ""
        return f"with the delimiter {self.delimiter!r} the header has {len(self.header)} columns: {shown}{more}"

    def _hint(self, first_line: str, dialect: Dialect) -> str:
        better = _best_delimiter(first_line, dialect)
        is_better = better != self.delimiter and better in first_line
        return f"; the delimiter seems to be {better!r}" if is_better else ""


class _TooLong(Exception):
    """A record is longer than the limit."""


class _Lines:
    """The lines of a text for `csv.reader`, one record's worth kept to be read again, and checked as they pass."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._ahead: deque[str] = deque()
        self._taken: list[str] = []
        self._characters = 0
        self._number = 0
        #: What is wrong with the characters of the current record.
        self.fault: str | None = None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._ahead.popleft() if self._ahead else self._read()
        if not line:
            raise StopIteration
        self._number += 1
        self._taken.append(line)
        self._characters += len(line)
        if self._characters >= MAX_RECORD_CHARACTERS:
            self._skip_rest(line)
            raise _TooLong
        if not line.isascii() or "\0" in line:
            self.fault = self.fault or _fault(line)
        return line

    def begin(self) -> int:
        """A new record begins; the number of its first line."""
        self._taken.clear()
        self._characters = 0
        self.fault = None
        return self._number + 1

    def read_again(self) -> None:
        """Give all lines of the current record but its first once more."""
        again = self._taken[1:]
        self._ahead.extendleft(reversed(again))
        self._number -= len(again)

    def first_line(self) -> str:
        """The first line that is not blank, to be read again. Raises FeedInvalid when there is none."""
        for line in self:
            if line.strip():
                self._ahead.appendleft(line)
                self._number -= 1
                return line
            self.begin()
        raise FeedInvalid("the file is empty: not even a header")

    def _read(self) -> str:
        try:
            return self._text.readline(MAX_RECORD_CHARACTERS)
        except UnicodeError as error:
            raise BrokenOff(f"the file cannot be read on: {error}; --encoding names another encoding") from error

    def _skip_rest(self, line: str) -> None:
        while line and not line.endswith(("\n", "\r")):
            line = self._read()


def _fault(line: str) -> str | None:
    if "\0" in line:
        return "a NUL character; --encoding names another encoding, for example utf-16-le"
    try:
        line.encode()
    except UnicodeEncodeError as error:
        return f"the byte 0x{ord(line[error.start]) & 0xFF:02x} does not fit the encoding; --encoding names another"
    return None


def _reason(error: Exception) -> str:
    if isinstance(error, _TooLong):
        return f"longer than {MAX_RECORD_CHARACTERS} characters; is a quote not closed?"
    if "unexpected end" in str(error):
        return "a quote is not closed"
    return f"not quoted as CSV: {error}"


def _best_delimiter(line: str, dialect: Dialect) -> str:
    """The one that finds most of what is wanted, then the one that finds most."""

    def worth(delimiter: str) -> tuple[int, int]:
        names = _names(line, delimiter, dialect)
        return len(set(dialect.wanted) & set(names)), len(names)

    return max(DELIMITERS, key=worth)


def _names(line: str, delimiter: str, dialect: Dialect) -> list[str]:
    names: list[str] = next(csv.reader([line], delimiter=delimiter), [])
    return [dialect.rename(name.strip()) for name in names]
