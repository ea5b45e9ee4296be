# SPDX-License-Identifier: Apache-2.0
"""One push from its options to its outcome: opens the state that it needs, then sends, or only plans."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from consumer.feeds.producer import EventProducer, cluster_id
from consumer.feeds.push import Feed, Memory, OnProgress, Push, Report, read_feed
from consumer.feeds.state import FeedState

if TYPE_CHECKING:
    from consumer.feeds.full_feed import Departures
    from consumer.feeds.tally import Tally
    from consumer.registry.codec import Codec
    from consumer.settings import Settings


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked for. `name` says which pushes are of one feed; `is_dry_run` only reads, plans and counts."""

    feed: Feed
    name: str
    changed_only: bool = False
    full_feed: bool = False
    allow_deletes: bool = False
    is_dry_run: bool = False
    state_folder: Path | None = None
    """None: the user's."""
    timeout_s: float = 30

    @property
    def remembers(self) -> bool:
        """Whether earlier pushes decide what is sent."""
        return self.changed_only or self.full_feed


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the rows, and of products that left a full feed."""

    tally: Tally
    departures: Departures | None


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who hears of a job while it runs."""

    report: Report
    progress: OnProgress | None = None


def run_job(job: Job, settings: Settings, codec: Codec, listeners: Listeners) -> Outcome:
    """Do it. Raises FeedInvalid before anything is sent; BrokerUnavailable or Refused when broker or state fail."""
    topic = settings.topics.events
    rows = read_feed(job.feed, listeners.progress)
    with ExitStack() as stack:
        memory = None
        if job.remembers or not job.is_dry_run:
            memory = _memory(job, settings, stack)
        push = Push(listeners.report, memory)
        if job.is_dry_run:
            tally = push.check(rows, codec)
        else:
            tally = push.send(rows, EventProducer(settings.kafka, topic, codec, job.timeout_s), job.feed.name)
    return Outcome(tally, push.departures)


def _memory(job: Job, settings: Settings, stack: ExitStack) -> Memory | None:
    """The feed's state. A push that does not ask for it keeps one that is there up to date, and makes none."""
    cluster = cluster_id(settings.kafka, job.timeout_s)
    folder = (job.state_folder or _user_folder()) / cluster / settings.topics.events
    # A vendor's name has no colon.
    vendor = f"{job.feed.vendor_id}:" if job.feed.vendor_id else ""
    path = folder / f"{vendor}{job.name}.sqlite3"
    if not job.remembers and not path.exists():
        return None
    state = stack.enter_context(FeedState(path))
    return Memory(state, job.changed_only, job.full_feed, job.allow_deletes)


def _user_folder() -> Path:
    """See the XDG base directory specification."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "hangtag" / "feeds"
