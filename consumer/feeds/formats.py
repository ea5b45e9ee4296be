# SPDX-License-Identifier: Apache-2.0
"""The file formats that feeds come in, each with its adapter and the options that it knows."""

from __future__ import annotations

from dataclasses import fields
from enum import StrEnum
from typing import TYPE_CHECKING

from consumer.errors import FeedInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from consumer.feeds.opening import Opened
    from consumer.feeds.reading import Reading
    from consumer.feeds.rows import BadRow, Row


class Format(StrEnum):
    """What a feed file looks like."""

    JSONL = "jsonl"
    CSV = "csv"
    GOOGLE_MERCHANT = "google-merchant"
    SHOPIFY_CSV = "shopify-csv"


_TABLE = frozenset({"encoding", "delimiter"})
_KNOWS: dict[Format, frozenset[str]] = {
    Format.JSONL: frozenset(),
    Format.CSV: _TABLE | {"mapping", "deleted_when"},
    Format.GOOGLE_MERCHANT: _TABLE,
    Format.SHOPIFY_CSV: _TABLE | {"deleted_when"},
}


def adapter_of(file_format: Format, reading: Reading) -> Callable[[Opened], Iterator[Row | BadRow]]:
    """The reader of a format, in flat memory; imported when it is needed, so that the command line starts quickly.

    Raises FeedInvalid for options that the format does not know. The reader raises FeedInvalid where file and options
    do not fit, before its first row.
    """
    for option in fields(reading):
        if getattr(reading, option.name) is not None and option.name not in _KNOWS[file_format]:
            formats = ", ".join(known for known in Format if option.name in _KNOWS[known])
            raise FeedInvalid(f"--{option.name.replace('_', '-')} is for {formats}, not for {file_format}")
    match file_format:
        case Format.JSONL:
            from consumer.feeds.json_lines import read_json_lines

            return lambda feed: read_json_lines(feed.stream)
        case Format.CSV:
            from consumer.feeds.generic_csv import read_csv

            return lambda feed: read_csv(feed, reading)
        case Format.GOOGLE_MERCHANT:
            from consumer.feeds.google_merchant import read_merchant

            return lambda feed: read_merchant(feed, reading)
        case Format.SHOPIFY_CSV:
            from consumer.feeds.shopify_csv import read_shopify

            return lambda feed: read_shopify(feed, reading)
