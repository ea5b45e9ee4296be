# SPDX-License-Identifier: Apache-2.0
"""The adapter for Google Merchant Center feeds: tab-separated, or RSS and Atom with `g:` names, told by their content.

Names and forms of the attributes: https://support.google.com/merchants/answer/7052112
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.errors import FeedInvalid
from consumer.feeds.cells import set_price, split_list
from consumer.feeds.rows import BadRow, Row
from consumer.feeds.table import Dialect, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.feeds.merchant_xml import Attributes
    from consumer.feeds.opening import Opened
    from consumer.feeds.reading import Reading

_FIELDS = {
    "id": "sku",
    "title": "title",
    "description": "description",
    "brand": "brand",
    "link": "product_url",
    "item_group_id": "item_group_id",
}
_CATEGORIES = ("google_product_category", "product_type")
_ATTRIBUTES = ("gender", "age_group", "color", "material", "pattern", "size")
_IMAGES = ("image_link", "additional_image_link")
_USED = {*_FIELDS, *_CATEGORIES, *_ATTRIBUTES, *_IMAGES, "price"}


def read_merchant(feed: Opened, reading: Reading) -> Iterator[Row | BadRow]:
    """One row per product, in order. Raises FeedInvalid for a file that is neither form."""
    if not feed.starts_with(b"<"):
        yield from _read_table(feed, reading)
        return
    from consumer.feeds.merchant_xml import read_items

    if reading.encoding or reading.delimiter:
        raise FeedInvalid("the file is XML, which says its encoding itself and has no delimiter")
    for item in read_items(feed.stream):
        yield item if isinstance(item, BadRow) else _row(item.line, item.attributes)


def _read_table(feed: Opened, reading: Reading) -> Iterator[Row]:
    table = Table(feed.text(reading.encoding), Dialect(reading.delimiter, ["id"], _attribute_name))
    table.column("id")
    for record in table:
        attributes: Attributes = {}
        for name, cell in zip(table.header, record.cells, strict=False):
            if cell:
                attributes.setdefault(name, []).extend(split_list(cell, ",") if name in _IMAGES else [cell])
        yield _row(record.line, attributes, record.fault)


def _attribute_name(column: str) -> str:
    """`image link` and `g:image_link` are `image_link`."""
    return column.casefold().removeprefix("g:").replace(" ", "_")


def _row(line: int, attributes: Attributes, fault: str | None = None) -> Row:
    said = {name: values[0] for name, values in attributes.items()}
    fields: dict[str, Any] = {ours: said[theirs] for theirs, ours in _FIELDS.items() if theirs in said}
    fields["image_urls"] = [url for name in _IMAGES for url in attributes.get(name, ())]
    categories = {name: said[name] for name in _CATEGORIES if name in said}
    fields["vendor_category"] = next(iter(categories.values()), None)
    # Google's category is often a bare number; the vendor's own words are kept beside it.
    beside = {name: said[name] for name in _ATTRIBUTES if name in said} | dict([*categories.items()][1:])
    fields["vendor_attributes"] = beside
    fields["price"] = said.get("price")
    price_fault = set_price(fields)
    id_fault = None if "id" in said else "it has no id"
    return Row(line, fields, len(said.keys() - _USED), fault or id_fault or price_fault)
