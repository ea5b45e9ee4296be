# SPDX-License-Identifier: Apache-2.0
"""What is counted of image decoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Histogram

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_BYTES = (3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
_PIXELS = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 40_000_000)


class DecodeMetrics:
    """Part of `Metrics`. Thread-safe, as prometheus-client is."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "hangtag_image_decode_seconds",
            "Time of one body in decode threads: hash, both views. By format (other: no header) and path: fast; "
            "fallback, which is Pillow's (its JPEGs: CMYK, or refused by the fast decoder); refused, without views.",
            ["format", "path"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._bytes = Histogram(
            "hangtag_image_bytes", "Size of bodies that are decoded.", buckets=_BYTES, registry=registry
        )
        self._pixels = Histogram(
            "hangtag_image_pixels", "Width x height of these, by the header.", buckets=_PIXELS, registry=registry
        )

    def accepted(self, size_bytes: int, pixels: int) -> None:
        """One body is of a size that is decoded."""
        self._bytes.observe(size_bytes)
        self._pixels.observe(pixels)

    def decoded(self, image_format: str, path: str, seconds: float) -> None:
        """One body has views, or none: `path` is `fast`, `fallback` or `refused`."""
        self._seconds.labels(image_format, path).observe(seconds)
