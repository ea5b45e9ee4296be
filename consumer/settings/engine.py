# SPDX-License-Identifier: Apache-2.0
"""Delivery: how much is in flight, what the outputs promise, when to give up."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from consumer.settings.section import Section


class Delivery(StrEnum):
    """What the outputs promise."""

    EXACTLY_ONCE = "exactly_once"
    AT_LEAST_ONCE = "at_least_once"


class EngineSettings(Section):
    """How much is in flight, and how it is delivered."""

    delivery: Delivery = Field(Delivery.EXACTLY_ONCE, description="at_least_once is for brokers without transactions.")
    slots: int = Field(1000, ge=1, description="Deliveries held per process; bounds memory and redo, not throughput.")
    bytes: int = Field(1 << 30, ge=1 << 20, description="Bytes of records and images held per process.")
    event_deadline_s: float = Field(
        120, gt=0, description="An event that fails for longer is poison; outages do not count."
    )
    drain_s: float = Field(
        10, ge=0, description="Time for running work after SIGTERM; keep it below the pod's grace period."
    )
    commit_interval_s: float = Field(0.1, gt=0, description="A transaction this often while there are results.")
    commit_results: int | None = Field(
        None, ge=1, description="A transaction as soon as this many results wait; default: slots / 4."
    )

    @property
    def results_per_commit(self) -> int:
        """Results that start a transaction before the interval is over."""
        return self.commit_results or max(1, self.slots // 4)


class DeadLetterSettings(Section):
    """When to stop rather than drain the topic into the dead letters."""

    max_share: float = Field(0.5, gt=0, le=1, description="Share of the last 200 events, judged from 50 on.")
    max_run: int = Field(100, ge=1, description="Dead letters in a row.")
