# SPDX-License-Identifier: Apache-2.0
"""Texts of a table become values of ProductEvent's fields. A blank cell is as good as a missing one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from consumer.feeds.mapping import ATTRIBUTES, DEFAULT_SEPARATOR, LISTS
from consumer.feeds.rows import Row

if TYPE_CHECKING:
    from collections.abc import Collection

    from consumer.feeds.mapping import Mapping
    from consumer.feeds.table import Record, Table

_T = TypeVar("_T")

_INTEGERS = frozenset({"product_version", "occurred_at"})
_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_PRICE = re.compile(r"(?P<amount>\d+(?:\.\d{1,2})?)\s*(?P<currency>[A-Z]{3})", re.ASCII)
_SHOWN_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Columns:
    """A mapping with the positions of one table's columns."""

    texts: tuple[tuple[str, int], ...]
    attributes: tuple[tuple[str, int], ...]
    lists: tuple[tuple[str, str, tuple[int, ...]], ...]
    """Name, separator, positions."""
    constants: dict[str, str]
    constant_attributes: dict[str, str]
    ignored: int

    def row(self, record: Record) -> Row:
        """The row of one record."""
        if not record.cells:
            return Row(record.line, {}, fault=record.fault)
        fields = self._fields(record.cells)
        price_fault = set_price(fields)
        return Row(record.line, fields, self.ignored, record.fault or price_fault)

    def _fields(self, cells: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = {name: cell for name, position in self.texts if (cell := cells[position])}
        if self.constants:
            found = self.constants | found
        for name, separator, positions in self.lists:
            if items := [item for position in positions for item in split_list(cells[position], separator)]:
                found[name] = items
        attributes = {name: cell for name, position in self.attributes if (cell := cells[position])}
        if attributes or self.constant_attributes:
            found["vendor_attributes"] = self.constant_attributes | attributes
        for name in _INTEGERS & found.keys():
            if _INTEGER.fullmatch(found[name]):
                found[name] = int(found[name])
        return found


def columns_of(mapping: Mapping, table: Table, *, also_read: Collection[int] = ()) -> Columns:
    """Find the columns of a mapping in a table. Raises FeedInvalid for one that is not there, or there twice.

    `also_read`: positions that the caller reads for itself; they are not ignored.
    """
    positions = {name: tuple(map(table.column, sources)) for name, sources in mapping.columns.items()}
    used = {place for places in positions.values() for place in places} | set(also_read)
    lists = [
        (name, mapping.separators.get(name, DEFAULT_SEPARATOR), positions.pop(name))
        for name in LISTS & positions.keys()
    ]
    texts, attributes = _apart({name: place for name, (place,) in positions.items()})
    constants, constant_attributes = _apart(mapping.constants)
    ignored = len(table.header) - len(used)
    return Columns(
        tuple(texts.items()), tuple(attributes.items()), tuple(lists), constants, constant_attributes, ignored
    )


def split_list(text: str, separator: str) -> list[str]:
    """The items of a list that are not blank. Between items that blanks part, any white space does."""
    items = text.split() if separator.isspace() else map(str.strip, text.split(separator))
    return [item for item in items if item]


def set_price(fields: dict[str, Any]) -> str | None:
    """Make a record of a price in one text, as `12.00 USD`, or in two; what is wrong with a text that is none."""
    text = fields.pop("price", None)
    amount, currency = fields.pop("price.amount", None), fields.pop("price.currency", None)
    if amount:
        fields["price"] = {"amount": amount} | ({"currency": currency} if currency else {})
    elif text:
        found = _PRICE.fullmatch(text)
        if found is None:
            return f"price: {text[:_SHOWN_CHARACTERS]!r} is no amount with a currency, as in '12.00 USD'"
        fields["price"] = found.groupdict()
    return None


def _apart(named: dict[str, _T]) -> tuple[dict[str, _T], dict[str, _T]]:
    """Those of the event itself, and those of its vendor attributes."""
    attributes = {name.removeprefix(ATTRIBUTES): said for name, said in named.items() if name.startswith(ATTRIBUTES)}
    return {name: said for name, said in named.items() if not name.startswith(ATTRIBUTES)}, attributes
