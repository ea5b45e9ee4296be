# SPDX-License-Identifier: Apache-2.0
"""When results are published, what is said about it, and what happens when it does not work."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog
from confluent_kafka import KafkaError

from consumer.errors import DeadLetterReason, Refused, StaleGeneration
from consumer.headers import source_of
from consumer.kafka.faults import TOO_LARGE, is_outage
from consumer.kafka.publishing import NotPublished
from consumer.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.events import Rejected
    from consumer.kafka.outbox import Outbox, Prepared, Result
    from consumer.kafka.progress import Progress
    from consumer.kafka.publishing import Publisher
    from consumer.observability.metrics import Metrics
    from consumer.settings import EngineSettings

log = structlog.get_logger()

#: The same cause so often in a row will not go away by trying.
SAME_CAUSE_LIMIT = 3
_RETRY = Backoff(first_s=0.2, cap_s=5.0)


class Publication:
    """Publishes the outbox, in time. Owner thread only."""

    def __init__(
        self,
        outbox: Outbox,
        publisher: Publisher,
        assignment: Iterable[Progress],
        engine: EngineSettings,
        metrics: Metrics,
    ) -> None:
        self._outbox = outbox
        self._publisher = publisher
        self._assignment = assignment
        self._engine = engine
        self._metrics = metrics
        self._next_at_s = 0.0
        self._failures = 0
        self._last_cause = ""

    def is_due(self) -> bool:
        """Whether the interval is over, or enough results wait. After a failure, whether the pause is over."""
        is_full = len(self._outbox) >= self._engine.results_per_commit and not self._failures
        return is_full or time.monotonic() >= self._next_at_s

    def renew(self) -> None:
        """Go on with a fresh producer. The batch that is not settled is published through it."""
        log.info("producer_renewed")
        self._publisher.start()

    def publish(self) -> Prepared | None:
        """Publish what is finished; None when there was nothing, or when it did not work. Raises Fatal."""
        self._next_at_s = time.monotonic() + self._engine.commit_interval_s
        prepared = self._outbox.prepare(self._assignment)
        if prepared is None:
            return None
        started_s = time.monotonic()
        try:
            self._publisher.publish(prepared.batch)
        except NotPublished as failure:
            self._note_failure(failure)
            return None
        self._failures = 0
        self._outbox.settle(prepared)
        self._report(prepared, time.monotonic() - started_s)
        return prepared

    def _report(self, prepared: Prepared, seconds: float) -> None:
        self._metrics.transaction_committed(seconds, len(prepared.results))
        for progress, snapshot in prepared.snapshots:
            self._metrics.bitmap(progress.partition, len(snapshot.metadata))
        rejections = [(result, rejected) for result, rejected in prepared.results if rejected is not None]
        for result, rejected in rejections:
            self._report_dead_letter(result, rejected)
        say = log.info if prepared.results else log.debug
        say(
            "transaction_committed",
            results=len(prepared.results),
            dead_letters=len(rejections),
            records=len(prepared.batch.records),
            frontiers={progress.partition: snapshot.frontier for progress, snapshot in prepared.snapshots},
            bitmap_bytes=sum(len(snapshot.metadata) for _, snapshot in prepared.snapshots),
            seconds=round(seconds, 4),
        )

    def _report_dead_letter(self, result: Result, rejected: Rejected) -> None:
        if rejected.reason is DeadLetterReason.OUTPUT_TOO_LARGE:
            self._metrics.event_dead_lettered(rejected.reason)  # all others were counted where they arose
        log.warning(
            "dead_lettered",
            source=source_of(result.delivery),
            reason=rejected.reason.value,
            stage=rejected.stage,
            event_id=rejected.event_id,
            attempts=rejected.attempts,
            message=rejected.message,
        )

    def _note_failure(self, failure: NotPublished) -> None:
        error = failure.error
        cause = error.name()
        self._metrics.transaction_aborted(cause)
        self._failures = self._failures + 1 if cause == self._last_cause else 1
        self._last_cause = cause
        log.warning("transaction_aborted", error=str(failure), in_a_row=self._failures)
        if error.code() in TOO_LARGE and self._outbox.fit_again():
            log.warning("topic_limits_changed")
            self.renew()  # the client's own limits follow those of the topics
            return
        if error.code() in {*TOO_LARGE, KafkaError.OFFSET_METADATA_TOO_LARGE} and self._outbox.assumes_limits:
            raise Refused(
                f"a limit is below Kafka's default, which was assumed because it could not be read ({failure}): "
                "allow DESCRIBE_CONFIGS on the cluster and the output topics"
            ) from failure
        if error.code() == KafkaError.OFFSET_METADATA_TOO_LARGE:
            # These results cannot be recorded any more; a fresh start reads the limit and makes smaller batches.
            raise StaleGeneration(f"the broker takes shorter offset metadata than at the start: {failure}") from failure
        if self._failures >= SAME_CAUSE_LIMIT and not is_outage(error):
            raise StaleGeneration(f"{self._failures} transactions in a row failed: {failure}") from failure
        self._next_at_s = time.monotonic() + _RETRY.wait_s(self._failures - 1)
