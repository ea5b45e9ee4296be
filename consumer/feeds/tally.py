# SPDX-License-Identifier: Apache-2.0
"""The count of a feed's rows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """What became of the rows of a feed so far. `events` reached their topic; `bad` rows are none, or too large."""

    rows: int = 0
    events: int = 0
    bad: int = 0
    nameless: int = 0
    """Bad rows that do not say which product they are about."""
    duplicates: int = 0
    """Rows of a product that stood in the feed before. They go too: the later one is the newer version."""
    unchanged: int = 0
    deleted: int = 0
    """Products that left the feed, whose DELETE reached the topic."""
    columns_ignored: int = 0
    """In the row that has the most."""
