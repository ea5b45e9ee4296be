# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.feeds.push import Feed, read_feed
from consumer.feeds.reading import Reading
from consumer.feeds.rows import BadRow, EventRow

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.events import ProductEvent
    from consumer.feeds.formats import Format


def read(
    folder: Path, content: bytes | str, file_format: Format, reading: Reading | None = None
) -> list[EventRow | BadRow]:
    """A file of that content, read as a feed of the vendor acme."""
    file = folder / "feed"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_feed(Feed(file, file_format, "acme", reading=reading or Reading())))


def events(rows: list[EventRow | BadRow]) -> list[ProductEvent]:
    return [row.event for row in rows if isinstance(row, EventRow)]


def bad(rows: list[EventRow | BadRow]) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in rows if isinstance(row, BadRow)]
