# SPDX-License-Identifier: Apache-2.0
"""All metrics, once: declared with help and buckets, called through verbs. Call sites never touch label names.

No URL, host, vendor-chosen or id label anywhere: a vendor must not be able to grow our series.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.exposition import generate_latest

from consumer.observability.decode_metrics import DecodeMetrics
from consumer.observability.image_metrics import ImageMetrics

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.errors import DeadLetterReason

_STAGE_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_TRANSACTION_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class Metrics:
    """The process's metrics. Thread-safe, as prometheus-client is."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.images = ImageMetrics(self.registry)
        self.decoding = DecodeMetrics(self.registry)
        self._build = Info("hangtag_build", "Program version and model bundle.", registry=self.registry)
        self._events = Counter(
            "hangtag_events_total", "Deliveries that ended, by outcome.", ["outcome"], registry=self.registry
        )
        self._dead_letters = Counter(
            "hangtag_dead_letters_total", "Deliveries dead-lettered, by reason.", ["reason"], registry=self.registry
        )
        self._json_ignored = Counter(
            "hangtag_json_fields_ignored_total",
            "Fields of JSON input that no schema knows.",
            registry=self.registry,
        )
        self._text_repairs = Counter(
            "hangtag_text_repairs_total",
            "Products whose text was cleaned, cut, partly left out or not shown to the model, by what was done.",
            ["repair"],
            registry=self.registry,
        )
        self._stage = Histogram(
            "hangtag_stage_seconds",
            "Time of one delivery in one stage.",
            ["stage"],
            buckets=_STAGE_SECONDS,
            registry=self.registry,
        )
        self._retries = Counter(
            "hangtag_retries_total",
            "Attempts after a transient failure, by dependency.",
            ["dependency"],
            registry=self.registry,
        )
        self._breaker = Gauge(
            "hangtag_breaker_open",
            "1 while a dependency's breaker is open.",
            ["dependency"],
            registry=self.registry,
        )
        self._declare_triton()
        self._declare_engine()

    def _declare_triton(self) -> None:
        self._triton_calls = Counter(
            "hangtag_triton_calls_total",
            "Inferences asked for, by ensemble and outcome: ok or the error's class.",
            ["ensemble", "outcome"],
            registry=self.registry,
        )
        self._triton_images = Counter(
            "hangtag_triton_images_total", "Images answered by the server.", registry=self.registry
        )

    def _declare_engine(self) -> None:
        registry = self.registry
        self._transaction = Histogram(
            "hangtag_transaction_seconds",
            "Time of one published transaction.",
            buckets=_TRANSACTION_SECONDS,
            registry=registry,
        )
        self._published = Counter("hangtag_results_published_total", "Results made final.", registry=registry)
        self._aborts = Counter(
            "hangtag_transactions_aborted_total", "Transactions aborted, by cause.", ["cause"], registry=registry
        )
        self._already_done = Counter(
            "hangtag_already_done_total",
            "Records passed over because an earlier run published their result.",
            registry=registry,
        )
        self._foreign = Counter(
            "hangtag_offset_metadata_ignored_total",
            "Commits whose metadata is no bitmap of ours; work may repeat.",
            registry=registry,
        )
        self._missing = Gauge(
            "hangtag_assignment_missing_seconds", "Time without an assignment; 0 with one.", registry=registry
        )
        self._held = Gauge("hangtag_slots_in_use", "Deliveries admitted and not published.", registry=registry)
        self._held_bytes = Gauge("hangtag_bytes_in_use", "Bytes reserved for them.", registry=registry)
        self._eligible_keys = Gauge(
            "hangtag_eligible_keys", "Keys with work: as many deliveries can run at a time.", registry=registry
        )
        self._oldest = Gauge(
            "hangtag_oldest_unfinished_seconds", "Age of the oldest unfinished delivery.", registry=registry
        )
        self._lag = Gauge("hangtag_lag_records", "Last stable offset minus position.", ["partition"], registry=registry)
        self._bitmap = Gauge(
            "hangtag_bitmap_bytes", "Bitmap in the last commit, of 4,096.", ["partition"], registry=registry
        )

    def started(self, *, version: str, bundle: int) -> None:
        """The program runs with this version and bundle."""
        self._build.info({"version": version, "bundle": str(bundle)})

    def event_finished(self, outcome: str) -> None:
        """One delivery ended: `enriched`, `degraded`, `deleted` or `dead_lettered`."""
        self._events.labels(outcome).inc()

    def event_dead_lettered(self, reason: DeadLetterReason) -> None:
        """One delivery goes to the dead letters."""
        self._dead_letters.labels(reason.value).inc()

    def json_fields_ignored(self, count: int) -> None:
        """One JSON event came with this many fields that no schema knows."""
        self._json_ignored.inc(count)

    def text_repaired(self, repairs: Iterable[str]) -> None:
        """This was done to one product's text: words of `text.flags`."""
        for repair in repairs:
            self._text_repairs.labels(repair).inc()

    def stage_took(self, stage: str, seconds: float) -> None:
        """One delivery passed one stage."""
        self._stage.labels(stage).observe(seconds)

    def triton_answered(self, ensemble: str, images: int) -> None:
        """One inference was answered."""
        self._triton_calls.labels(ensemble, "ok").inc()
        self._triton_images.inc(images)

    def triton_failed(self, ensemble: str, error: str) -> None:
        """One inference ended in an error of this class."""
        self._triton_calls.labels(ensemble, error).inc()

    def retried(self, dependency: str) -> None:
        """One more attempt after a transient failure."""
        self._retries.labels(dependency).inc()

    def breaker_is(self, dependency: str, *, is_open: bool) -> None:
        """The breaker of a dependency changed."""
        self._breaker.labels(dependency).set(is_open)

    def transaction_committed(self, seconds: float, results: int) -> None:
        """One transaction is final."""
        self._transaction.observe(seconds)
        self._published.inc(results)

    def transaction_aborted(self, cause: str) -> None:
        """One transaction came to nothing; `cause` is Kafka's name of the error."""
        self._aborts.labels(cause).inc()

    def already_done(self) -> None:
        """One record was passed over."""
        self._already_done.inc()

    def offset_metadata_ignored(self) -> None:
        """One commit carried metadata that is not ours."""
        self._foreign.inc()

    def assignment_missing(self, seconds: float) -> None:
        """So long without an assignment."""
        self._missing.set(seconds)

    def held(self, slots: int, held_bytes: int, eligible_keys: int) -> None:
        """What is admitted and not published."""
        self._held.set(slots)
        self._held_bytes.set(held_bytes)
        self._eligible_keys.set(eligible_keys)

    def oldest_unfinished(self, seconds: float) -> None:
        """Age of the oldest delivery that is not finished."""
        self._oldest.set(seconds)

    def lag(self, partition: int, records: int) -> None:
        """So many records are not read yet."""
        self._lag.labels(str(partition)).set(records)

    def bitmap(self, partition: int, size_bytes: int) -> None:
        """Size of the bitmap in the last commit."""
        self._bitmap.labels(str(partition)).set(size_bytes)

    def partition_gone(self, partition: int) -> None:
        """A partition went away; its gauges would mislead."""
        for gauge in (self._lag, self._bitmap):
            gauge.remove(str(partition))

    def exposition(self) -> bytes:
        """Everything, in the Prometheus text format."""
        return generate_latest(self.registry)
