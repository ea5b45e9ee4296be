# SPDX-License-Identifier: Apache-2.0
"""Counters and histograms with one label, for what one thread counts several times an image.

prometheus-client's own take locks and some ten calls for a value, so that any thread may count. Here one thread counts
and any may read. A scrape in between may see a value in its bucket that the sum lacks; the next one sees both.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prometheus_client import CollectorRegistry


class Tally(Collector):
    """A counter; `known` values of its label are there from the beginning."""

    def __init__(self, name: str, text: str, label: str, known: Iterable[str], registry: CollectorRegistry) -> None:
        self._name, self._text = name, text
        self._labelnames = (label,)  # the reference page lists them by this name, as of the library's own
        self._counts = dict.fromkeys(known, 0)
        registry.register(self)

    def add(self, value: str) -> None:
        """One more."""
        self._counts[value] = self._counts.get(value, 0) + 1

    def describe(self) -> list[CounterMetricFamily]:
        """Its name, without values."""
        return [CounterMetricFamily(self._name, self._text, labels=self._labelnames)]

    def collect(self) -> list[CounterMetricFamily]:
        """From any thread."""
        (family,) = self.describe()
        for value, count in list(self._counts.items()):
            family.add_metric([value], count)
        return [family]


class Series:
    """One value of a histogram's label."""

    __slots__ = ("_upper", "counts", "total")

    def __init__(self, upper: Sequence[float]) -> None:
        self._upper = upper
        self.counts = [0] * (len(upper) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count it in the first bucket that holds it; the last one holds all."""
        self.counts[bisect_left(self._upper, value)] += 1
        self.total += value


class TallyHistogram(Collector):
    """A histogram whose series are all there from the beginning; `upper` are the buckets' bounds, rising."""

    def __init__(self, name: str, text: str, label: str, upper: Sequence[float], registry: CollectorRegistry) -> None:
        self._name, self._text = name, text
        self._labelnames = (label,)
        self._upper = upper
        self._series: dict[str, Series] = {}
        registry.register(self)

    def series(self, value: str) -> Series:
        """That of one value of the label."""
        return self._series.setdefault(value, Series(self._upper))

    def describe(self) -> list[HistogramMetricFamily]:
        """Its name, without values."""
        return [HistogramMetricFamily(self._name, self._text, labels=self._labelnames)]

    def collect(self) -> list[HistogramMetricFamily]:
        """From any thread."""
        (family,) = self.describe()
        bounds = [*map(floatToGoString, self._upper), "+Inf"]
        for value, series in list(self._series.items()):
            family.add_metric([value], list(zip(bounds, accumulate(series.counts), strict=True)), series.total)
        return [family]
