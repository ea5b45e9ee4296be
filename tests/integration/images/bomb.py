# SPDX-License-Identifier: Apache-2.0
"""What one body costs: `python bomb.py FILE`. Prints the answer, its seconds of CPU, and RSS before and at its peak."""

from __future__ import annotations

import asyncio
import io
import json
import sys
import time
from pathlib import Path

from PIL import Image

from consumer.events import FetchReason
from consumer.images.decode_pool import DecodePool
from consumer.observability.metrics import Metrics
from consumer.settings import ImageSettings

SIDE = 224


def rss_mb(name: str) -> float:
    """`VmRSS`, or its peak `VmHWM`."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def small(name: str) -> bytes:
    """A file that loads what the decoder of its format needs."""
    body = io.BytesIO()
    Image.new("RGB", (64, 64)).save(body, name)
    return body.getvalue()


def main() -> None:
    """Decode small files first: what they load is no cost of the bomb."""
    body = Path(sys.argv[1]).read_bytes()
    pool = DecodePool(ImageSettings(decode_threads=1, decode_timeout_s=60), Metrics())
    for name in ("JPEG", "PNG", "GIF", "WEBP"):
        asyncio.run(pool.decode(small(name), SIDE, "acme"))
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, started = rss_mb("VmRSS"), time.process_time()
    answer = asyncio.run(pool.decode(body, SIDE, "acme")).views
    cpu_s, peak = time.process_time() - started, rss_mb("VmHWM")
    pool.close()
    outcome = answer.value if isinstance(answer, FetchReason) else f"views of mean {answer[1].mean():.0f}"
    print(json.dumps({"outcome": outcome, "cpu_s": cpu_s, "before_mb": before, "peak_mb": peak}))


if __name__ == "__main__":
    main()
