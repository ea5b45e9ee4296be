# SPDX-License-Identifier: Apache-2.0
"""What is measured: the rows of the table, and what a process is told of its row."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self


class Work(StrEnum):
    """What a process does with an event besides waiting."""

    ECHO = "echo"
    """Repeats 200 bytes: what is left is the engine."""
    PRODUCT = "product"
    """Decodes a product event of 2 kB, encodes full attributes and an embedding, with metrics and logs."""
    FETCH = "fetch"
    """Fetches and decodes the pictures whose URLs the event names, and repeats the event."""
    IMAGES = "images"
    """Repeats the event and holds a megabyte while it waits."""


class Engine(StrEnum):
    """Who does it."""

    HANGTAG = "hangtag"
    BATCHES = "256 threads, one commit a batch"
    """consume(500), the batch's keys on 256 threads, then one commit: key order, at least once."""
    BATCHES_EXACT = "256 threads, one transaction a batch"
    """The same with outputs and offsets in one transaction."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    engine: Engine
    delay_ms: int
    """What every event waits for, in place of fetch and inference."""
    keys: int
    slots: int
    events: int
    workers: int = 1
    work: Work = Work.ECHO

    @property
    def name(self) -> str:
        workers = f", {self.workers} processes" if self.workers > 1 else ""
        held = f", {self.slots:,} slots" if self.engine is Engine.HANGTAG else ""
        return f"{self.engine}, {self.work}: {self.delay_ms} ms, {self.keys:,} keys{held}{workers}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What one process is given, as one argument."""

    engine: Engine
    work: Work
    delay_s: float
    settings: dict[str, Any]
    images_unchecked: dict[str, Any] = field(default_factory=dict)
    """Image settings that validation would refuse: so high that a protection is off."""
    name_server: int | None = None
    """Port on loopback where hosts of pictures are looked up; None where this machine looks names up."""

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def load(cls, text: str) -> Self:
        tree = json.loads(text)
        return cls(Engine(tree.pop("engine")), Work(tree.pop("work")), **tree)


#: An event of this key waits for so long, whatever the others do.
STUCK_KEY = b"stuck"
STUCK_S = 60.0
IMAGE_BYTES = 1_000_000
HELD_BYTES = 256 << 20

#: Slow ones are short: a row lasts some ten seconds.
ROWS = (
    Row(Engine.HANGTAG, 5, 100, 4_000, 60_000),
    Row(Engine.HANGTAG, 5, 5_000, 4_000, 300_000),
    Row(Engine.HANGTAG, 100, 5_000, 4_000, 150_000),
    Row(Engine.HANGTAG, 100, 5_000, 8_000, 200_000),
    Row(Engine.HANGTAG, 100, 20_000, 4_000, 200_000),
    Row(Engine.HANGTAG, 100, 20_000, 8_000, 200_000),
    Row(Engine.HANGTAG, 5, 5_000, 4_000, 300_000, workers=2),
    Row(Engine.HANGTAG, 100, 5_000, 4_000, 30_000, work=Work.PRODUCT),
)
#: The same load with ten times the backlog must not take more memory.
BACKLOGS = (
    Row(Engine.HANGTAG, 50, 5_000, 4_000, 4_000, work=Work.IMAGES),
    Row(Engine.HANGTAG, 50, 5_000, 4_000, 40_000, work=Work.IMAGES),
)
#: Measured in turn, round after round.
PEERS = (
    Row(Engine.HANGTAG, 100, 5_000, 4_000, 60_000),
    Row(Engine.BATCHES, 100, 5_000, 0, 10_000),
    Row(Engine.BATCHES_EXACT, 100, 5_000, 0, 10_000),
)
