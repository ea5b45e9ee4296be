# SPDX-License-Identifier: Apache-2.0
"""What is counted of image fetches. No URL, host or vendor is a label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from prometheus_client import Counter, Gauge

from consumer.observability.tallies import Tally, TallyHistogram

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15)


class SlotsInUse(Protocol):
    """Read from the thread that is asked for the metrics."""

    @property
    def in_flight(self) -> int:
        """Requests that run."""

    @property
    def waiting(self) -> int:
        """Fetches that wait for a slot, or for memory before they ask."""

    @property
    def open(self) -> int:
        """Hosts that are left alone."""


class ImageMetrics:
    """Part of `Metrics`. One thread counts, the one whose event loop fetches; any may read."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._outcomes = Tally(
            "hangtag_image_fetch_total", "Images tried, by outcome: ok or the reason.", "outcome", ["ok"], registry
        )
        self._blocked = Counter(
            "hangtag_image_blocked_total",
            "Images of which our policy refused the URL or an address, by reason; blocked_address deserves an alert.",
            ["reason"],
            registry=registry,
        )
        seconds = TallyHistogram(
            "hangtag_image_fetch_seconds",
            "Time of one request, by phase: dns, connect (TLS included), ttfb (until the answer begins), body.",
            "phase",
            _SECONDS,
            registry,
        )
        self._dns, self._connect = seconds.series("dns"), seconds.series("connect")
        self._ttfb, self._body = seconds.series("ttfb"), seconds.series("body")
        self._connections = Tally(
            "hangtag_image_connections_total",
            "Requests answered, by connection.",
            "connection",
            ["new", "reused"],
            registry,
        )
        self._in_flight = Gauge("hangtag_image_in_flight", "Image requests that run.", registry=registry)
        self._queue = Gauge(
            "hangtag_image_queue_depth", "Image fetches that wait for a slot or for memory.", registry=registry
        )
        self._open = Gauge("hangtag_image_hosts_open", "Image hosts left alone after failures.", registry=registry)

    def watch(self, slots: SlotsInUse) -> None:
        """Ask it whenever somebody asks for the gauges."""
        self._in_flight.set_function(lambda: slots.in_flight)
        self._queue.set_function(lambda: slots.waiting)
        self._open.set_function(lambda: slots.open)

    def tried(self, reason: str | None) -> None:
        """One image came; with a `reason`, a FetchReason's word, it did not."""
        self._outcomes.add(reason or "ok")

    def refused(self, reason: str) -> None:
        """Our own policy said no, to the URL of an image or to an address on its way."""
        self._blocked.labels(reason).inc()

    def connected(self, dns_s: float, connect_s: float) -> None:
        """An answer began on a new connection; `dns_s` is 0 when nobody had to be asked."""
        self._connections.add("new")
        self._connect.observe(connect_s)
        if dns_s:
            self._dns.observe(dns_s)

    def reused(self) -> None:
        """An answer began on a kept connection."""
        self._connections.add("reused")

    def answered(self, ttfb_s: float) -> None:
        """An answer's head came so long after the request went out."""
        self._ttfb.observe(ttfb_s)

    def body_took(self, seconds: float) -> None:
        """A body came whole."""
        self._body.observe(seconds)
