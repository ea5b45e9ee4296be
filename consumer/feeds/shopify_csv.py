# SPDX-License-Identifier: Apache-2.0
"""The adapter for Shopify's product export: the rows of one handle are its variants and its further images.

Columns: https://help.shopify.com/en/manual/products/import-export/using-csv . Prices are left out: the file does not
say their currency.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from consumer.feeds.rows import BadRow, Row
from consumer.feeds.seen import Seen
from consumer.feeds.table import Dialect, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from consumer.feeds.opening import Opened
    from consumer.feeds.reading import DeletedWhen, Reading

#: A product has 2,048 variants and 250 images at most.
MAX_ROWS = 4_096

#: The newer template's names of columns, as the export calls them.
_ALIASES = {
    "url handle": "handle",
    "description": "body (html)",
    "sku": "variant sku",
    "price": "variant price",
    "product image url": "image src",
    "variant image url": "variant image",
}
_FIELDS = {"title": "title", "body (html)": "description", "vendor": "brand"}
_OPTIONS = (1, 2, 3)
#: `Title` with the one value `Default Title` is how a product without options is written.
_NO_OPTION = "default title"
_METAFIELD = re.compile(r".*\(product\.metafields\.shopify\.(?P<handle>[a-z0-9-]+)\)")

Cells = dict[str, str]
"""A row's cells that are not blank, by the lower-case name of their column."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One row of the file."""

    number: int
    handle: str | None
    """The row's own, None where it has none that can be read."""
    product: str | None
    """The handle of the product whose rows it stands among."""
    cells: Cells
    fault: str | None

    @property
    def is_variant(self) -> bool:
        return any(name in self.cells for name in ("option1 value", "variant sku", "variant price"))


def read_shopify(feed: Opened, reading: Reading) -> Iterator[Row | BadRow]:
    """One row per variant, in order, with the product's words and images. Raises FeedInvalid for another table."""
    table = Table(feed.text(reading.encoding), Dialect(reading.delimiter, ["handle", "title"], _column_name))
    if reading.deleted_when:
        table.column(_column_name(reading.deleted_when.column))
    handles = Seen()
    for handle, group in groupby(_lines(table), key=lambda line: line.product):
        if handle is None:
            yield from map(_stray, group)
        else:
            is_new = handles.add(handle)
            yield from _Product(handle, is_new, reading.deleted_when).rows(group)


def _lines(table: Table) -> Iterator[_Line]:
    """The rows. One whose handle cannot be read stays among those before it, for their product may go on behind it."""
    product = None
    for found in table:
        cells = {name: cell for name, cell in zip(table.header, found.cells, strict=False) if cell}
        handle = cells.get("handle")
        if handle is not None and found.fault and not handle.isprintable():
            handle = None
        product = handle or product
        yield _Line(found.line, handle, product, cells, found.fault or (None if handle else "it has no handle"))


def _stray(line: _Line) -> Row:
    """A row of nobody knows which handle; its SKU may still say which product it is."""
    return Row(line.number, {"sku": line.cells.get("variant sku")}, fault=line.fault)


def _column_name(column: str) -> str:
    name = column.casefold()
    return _ALIASES.get(name, name)


class _Product:
    """The rows of one handle, gathered, for images of the product may follow its variants."""

    def __init__(self, handle: str, is_new: bool, deleted_when: DeletedWhen | None) -> None:  # noqa: FBT001  # one call
        self._handle = handle
        self._is_new = is_new
        self._deleted_when = deleted_when

    def rows(self, group: Iterable[_Line]) -> Iterator[Row | BadRow]:
        """One row per variant, bad ones among them."""
        lines: list[_Line] = []
        for line in group:
            if len(lines) < MAX_ROWS:
                lines.append(line)
            elif line.handle is None:
                yield _stray(line)
            else:
                yield BadRow(line.number, f"the handle {self._handle!r} has more than {MAX_ROWS} rows")
        first = lines[0].cells
        images = _images(lines)
        fault = self._fault(first)
        for line in lines:
            if line.handle is None:
                yield _stray(line)
            elif line.is_variant or line is lines[0]:
                yield Row(line.number, self._fields(first, line.cells, images), fault=line.fault or fault)
            elif line.fault:
                yield BadRow(line.number, line.fault)

    def _fault(self, first: Cells) -> str | None:
        if not self._is_new:
            return f"the handle {self._handle!r} stood in the feed before; its rows must follow each other"
        if "title" not in first:
            return f"the first row of the handle {self._handle!r}, with its title, is missing"
        return None

    def _fields(self, first: Cells, variant: Cells, images: list[str]) -> dict[str, Any]:
        options = _options(first, variant)
        own_image = [variant["variant image"]] if "variant image" in variant else []
        category = first.get("product category") or first.get("type")
        fields: dict[str, Any] = {ours: first.get(theirs) for theirs, ours in _FIELDS.items()}
        gone = self._deleted_when
        if gone and first.get(_column_name(gone.column)) == gone.value:
            fields["event_type"] = "DELETE"
        return fields | {
            "sku": variant.get("variant sku") or "/".join([self._handle, *options.values()]),
            "item_group_id": self._handle,
            "vendor_category": category,
            "image_urls": list(dict.fromkeys(own_image + images)),
            "vendor_attributes": _said(first) | options,
        }


def _images(lines: list[_Line]) -> list[str]:
    """The product's images on its sound rows, best first; what has no position keeps the place of its row."""
    found = [line.cells for line in lines if line.fault is None and "image src" in line.cells]
    return [cells["image src"] for cells in sorted(found, key=_position)]


def _position(cells: Cells) -> int:
    position = cells.get("image position", "")
    return int(position) if position.isascii() and position.isdigit() and len(position) < 10 else MAX_ROWS  # noqa: PLR2004


def _options(first: Cells, variant: Cells) -> dict[str, str]:
    """What sets a variant apart, `{"Color": "Navy"}`; only the first row names the options."""
    named = {}
    for number in _OPTIONS:
        value = variant.get(f"option{number} value")
        if value and value.casefold() != _NO_OPTION:
            named[first.get(f"option{number} name", f"option{number}")] = value
    return named


def _said(first: Cells) -> dict[str, str]:
    """What the product's own row says beyond the fields: type, tags, and the attributes of Shopify's taxonomy."""
    said: Cells = {name: first[name] for name in ("type", "tags") if name in first}
    for column, cell in first.items():
        if metafield := _METAFIELD.fullmatch(column):
            said[metafield["handle"]] = cell
    return said
