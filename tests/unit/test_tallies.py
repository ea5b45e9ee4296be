# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest

from consumer.observability.tallies import Tally, TallyHistogram


def shown(registry: CollectorRegistry) -> list[str]:
    """As a scrape has it, without the times of creation, which only the library's own metrics give."""
    return sorted(line for line in generate_latest(registry).decode().splitlines() if "_created" not in line)


def test_a_tally_is_shown_like_the_librarys_counter() -> None:
    tallied, counted = CollectorRegistry(), CollectorRegistry()
    tally = Tally("hangtag_things_total", "Things.", "kind", ["good", "bad"], tallied)
    counter = Counter("hangtag_things_total", "Things.", ["kind"], registry=counted)
    counter.labels("bad")

    for kind in ("good", "good", "odd"):
        tally.add(kind)
        counter.labels(kind).inc()

    assert shown(tallied) == shown(counted)


def test_a_tallied_histogram_is_shown_like_the_librarys() -> None:
    upper = (0.001, 0.5, 1, 15)
    tallied, observed = CollectorRegistry(), CollectorRegistry()
    tally = TallyHistogram("hangtag_seconds", "Time.", "phase", upper, tallied)
    histogram = Histogram("hangtag_seconds", "Time.", ["phase"], buckets=upper, registry=observed)

    for phase in ("dns", "body"):
        series, child = tally.series(phase), histogram.labels(phase)
        for seconds in (0, 0.001, 0.0011, 0.5, 1, 14.9, 15, 15.1, 1e6):
            series.observe(seconds)
            child.observe(seconds)

    assert shown(tallied) == shown(observed)


def test_a_series_is_the_same_one_each_time() -> None:
    tally = TallyHistogram("hangtag_seconds", "Time.", "phase", (1,), CollectorRegistry())

    assert tally.series("dns") is tally.series("dns")
