# SPDX-License-Identifier: Apache-2.0
"""What the broker has of a feed: the product keys with a digest of what was last sent, in one SQLite file.

A key is marked as unsure before its event is sent, and gets its digest when the broker has acknowledged it. So a push
that is killed at any time leaves no digest of something that the broker may not have, or of something older.
"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from consumer.errors import Refused
from consumer.events import EventType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import TracebackType

    from consumer.events import ProductEvent
    from consumer.feeds.seen import Seen

#: The digest of a product that was withdrawn.
WITHDRAWN = b""

_DIGEST_BYTES = 16

_SET_UP = """
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA cache_size = -32768;
CREATE TABLE IF NOT EXISTS products (key TEXT PRIMARY KEY, digest BLOB) WITHOUT ROWID;
BEGIN IMMEDIATE;
COMMIT;
"""


def digest(event: ProductEvent) -> bytes:
    """Sixteen bytes of what an event says of its product. When it was said, and by which event, is left out."""
    if event.event_type is EventType.DELETE:
        return WITHDRAWN
    content = (
        (event.title, event.description, event.brand, event.vendor_category, event.language),
        sorted(event.vendor_attributes.items()),
        event.image_urls,
        event.price and (str(event.price.amount), event.price.currency),
        (event.item_group_id, event.product_url, event.feed),
    )
    return hashlib.blake2b(repr(content).encode(), digest_size=_DIGEST_BYTES).digest()


class FeedState:
    """The state of one feed, held by one push at a time. A `with` block writes at its end what was noted."""

    def __init__(self, path: Path) -> None:
        """Raises Refused when another push holds it, or the file cannot be used."""
        self.path = path
        with self._translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=0)
            self._database.executescript(_SET_UP)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._translated():
            self._database.commit()
            self._database.close()

    def has(self, event: ProductEvent) -> bool:
        """Whether the broker has the product just so."""
        with self._translated():
            found = self._database.execute("SELECT digest FROM products WHERE key = ?", (event.key,)).fetchone()
        return found is not None and found[0] == digest(event)

    def expect(self, keys: Iterable[str]) -> None:
        """Events of these products are about to be sent: from now on it is open what the broker has."""
        with self._translated():
            self._database.executemany("INSERT OR REPLACE INTO products VALUES (?, NULL)", ((key,) for key in keys))
            self._database.commit()

    def keep(self, event: ProductEvent) -> None:
        """The broker has acknowledged this event."""
        with self._translated():
            self._database.execute("INSERT OR REPLACE INTO products VALUES (?, ?)", (event.key, digest(event)))

    def forget(self, key: str) -> None:
        """The broker has acknowledged that a product which left the feed is withdrawn."""
        with self._translated():
            self._database.execute("DELETE FROM products WHERE key = ?", (key,))

    def count(self) -> int:
        """Products that the broker may have."""
        with self._translated():
            found = self._database.execute("SELECT count(*) FROM products WHERE digest IS NOT ?", (WITHDRAWN,))
            return int(found.fetchone()[0])

    def left(self, seen: Seen) -> Iterator[str]:
        """The keys of products that the broker may have, and that were not seen; in order."""
        with self._translated():
            for (key,) in self._database.execute(
                "SELECT key FROM products WHERE digest IS NOT ? ORDER BY key", (WITHDRAWN,)
            ):
                if key not in seen:
                    yield key

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                raise Refused(f"another push of this feed is running: it holds {self.path}") from error
            raise Refused(f"the state of the feed, {self.path}, cannot be used: {error}") from error
