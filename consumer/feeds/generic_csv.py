# SPDX-License-Identifier: Apache-2.0
"""The adapter for any table: a mapping says which column is which field, else the columns carry the fields' names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.feeds.cells import columns_of
from consumer.feeds.mapping import mapping_of_names
from consumer.feeds.table import Dialect, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.feeds.opening import Opened
    from consumer.feeds.reading import Reading
    from consumer.feeds.rows import Row


def read_csv(feed: Opened, reading: Reading) -> Iterator[Row]:
    """One row per record, in order. Raises FeedInvalid where header, mapping and delimiter do not fit."""
    mapping = reading.mapping
    wanted = {column for sources in mapping.columns.values() for column in sources} if mapping else {"sku"}
    table = Table(feed.text(reading.encoding), Dialect(reading.delimiter, sorted(wanted)))
    gone = reading.deleted_when
    gone_column = table.column(gone.column) if gone else 0
    columns = columns_of(mapping or mapping_of_names(table.header), table, also_read=[gone_column] if gone else [])
    for record in table:
        row = columns.row(record)
        if gone and record.cells and record.cells[gone_column] == gone.value:
            row.fields["event_type"] = "DELETE"
        yield row
