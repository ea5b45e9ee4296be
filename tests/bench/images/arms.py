# SPDX-License-Identifier: Apache-2.0
"""Ways from a file to both views, each in a process of its own: `python -m tests.bench.images.arms NAME`.

Reads paths from standard input, answers each with the CPU seconds that it took.
"""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from consumer.images.decoding import try_views
from consumer.images.sandbox import Sandbox
from consumer.images.sniff import SANDBOXED, ImageHeader, read_header
from consumer.settings import ImageSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SIDE = 224

sandbox = Sandbox(ImageSettings())


def ours(body: bytes) -> NDArray[np.uint8]:
    """As the decode pool does it."""
    header = read_header(body)
    assert isinstance(header, ImageHeader), header
    views = sandbox.views(body, SIDE) if header.format in SANDBOXED else try_views(body, header, SIDE)[0]
    assert isinstance(views, np.ndarray), views
    return views


def pillow_full(body: bytes) -> NDArray[np.uint8]:
    """One full decode, both views from it."""
    picture = Image.open(io.BytesIO(body)).convert("RGB")
    return _views(picture, picture, None)


def pillow_draft(body: bytes) -> NDArray[np.uint8]:
    """The whole from a scaled decode, the detail from a full one. Only JPEG has the first."""
    small = Image.open(io.BytesIO(body))
    drafted = small.draft("RGB", (SIDE, SIDE))
    return _views(small.convert("RGB"), Image.open(io.BytesIO(body)).convert("RGB"), drafted and drafted[1])


def _views(small: Image.Image, full: Image.Image, box: tuple[float, float, float, float] | None) -> NDArray[np.uint8]:
    width, height = full.size
    target = (round(width * SIDE / max(full.size)), round(height * SIDE / max(full.size)))
    whole = Image.new("RGB", (SIDE, SIDE), "white")
    shrunk = small.resize(target, Image.Resampling.BICUBIC, box)
    whole.paste(shrunk, ((SIDE - target[0]) // 2, (SIDE - target[1]) // 2))
    left, top = (width - SIDE) // 2, (height - SIDE) // 2
    return np.stack([np.asarray(whole), np.asarray(full.crop((left, top, left + SIDE, top + SIDE)))])


ARMS: dict[str, Callable[[bytes], NDArray[np.uint8]]] = {
    "ours": ours,
    "Pillow full": pillow_full,
    "Pillow draft": pillow_draft,
}


def cpu_s() -> float:
    """Of this process and of the one that decodes AVIF."""
    return time.process_time() + (time.clock_gettime(~sandbox.pid << 3 | 2) if sandbox.pid else 0)


def main() -> None:
    """Answer until the input ends."""
    arm = ARMS[sys.argv[1]]
    for line in sys.stdin:
        body = Path(line.rstrip("\n")).read_bytes()
        before = cpu_s()
        arm(body)
        print(cpu_s() - before, flush=True)
    sandbox.close()


if __name__ == "__main__":
    main()
