# SPDX-License-Identifier: Apache-2.0
"""Negative controls: each breaks one promise of the loop, so that the oracle can show that it would notice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.kafka import bitmap, chains
from tests.chaos.failpoints import ProbedConsumer, ProbedProducer

if TYPE_CHECKING:
    from collections.abc import Callable


def _forget_bitmaps() -> None:
    replace(bitmap, "decode", lambda *_: set())


def _forget_order() -> None:
    replace(chains, "_chain_key", lambda work: (id(work.progress), work.delivery.offset))


def _commit_offsets_outside() -> None:
    # The producer is handed the consumer in place of its metadata, and commits through it, before its transaction.
    replace(ProbedConsumer, "consumer_group_metadata", lambda consumer: consumer)
    replace(
        ProbedProducer,
        "send_offsets_to_transaction",
        lambda _, offsets, consumer: consumer.commit(offsets=offsets, asynchronous=False),
    )


def replace(owner: Any, name: str, value: Any) -> None:
    """Put something else in the place of a part of the loop."""
    getattr(owner, name)  # what is no longer there would go on unreplaced
    setattr(owner, name, value)


SABOTAGES: dict[str, Callable[[], None]] = {
    "forget_bitmaps": _forget_bitmaps,
    "forget_order": _forget_order,
    "commit_offsets_outside": _commit_offsets_outside,
}
