# SPDX-License-Identifier: Apache-2.0
"""The two views of every photo as the consumer's own pixel code makes them, decoded once and kept on disk."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from consumer.events import FetchReason
from consumer.images.decoding import decode
from consumer.images.pixels import PIXELS_VERSION
from triton_models.training.datasets import PhotoArchive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from triton_models.training.datasets import Photo
    from triton_models.training.progress import Progress

_DIGEST_BYTES = 32
#: How often a long decoding says how far it is.
_REPORT_EVERY = 256


class ViewCache:
    """Views by the SHA-256 of a photo's bytes: uint8 `[2, side, side, 3]`, 98 kB at a side of 128.

    Two files that only grow, in a folder of their own for each side and version of the pixel code; one writer at a
    time. What a killed run left unfinished belongs to no photo, and the next one writes over it.
    """

    def __init__(self, root: Path, side: int) -> None:
        self._folder = root / f"{PIXELS_VERSION.replace('/', '-')}-{side}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._shape = (2, side, side, 3)
        self._digests = self._folder / "sha256.bin"
        self._pixels = self._folder / "views.u8"
        for file in (self._digests, self._pixels):
            file.touch()
        raw = self._digests.read_bytes()
        whole = range(len(raw) // _DIGEST_BYTES)
        self._rows = {raw[_DIGEST_BYTES * row : _DIGEST_BYTES * (row + 1)].hex(): row for row in whole}

    def rows(self, hashes: Iterable[str]) -> dict[str, int]:
        """Where the views of these photos lie in `pixels()`; what could not be decoded is left out."""
        return {digest: self._rows[digest] for digest in hashes if digest in self._rows}

    def pixels(self) -> NDArray[np.uint8]:
        """All views, `[n, 2, side, side, 3]`, read from disk where they are touched."""
        if not self._rows:
            return np.zeros((0, *self._shape), np.uint8)
        return np.memmap(self._pixels, np.uint8, "r", shape=(len(self._rows), *self._shape))

    def see(self, photo_hashes: Mapping[Photo, str], progress: Progress) -> None:
        """Decode what is missing of these photos, each with the SHA-256 of its bytes."""
        with PhotoArchive() as archive:
            readers = {digest: partial(archive.read, photo) for photo, digest in photo_hashes.items()}
            self.fill(readers, progress.of("views of photos"))

    def fill(self, photos: Mapping[str, Callable[[], bytes]], progress: Callable[[int, int], None]) -> None:
        """Decode what is missing of `photos`, readers of bytes by SHA-256; what cannot be decoded is left out."""
        missing = [digest for digest in photos if digest not in self._rows]
        with self._digests.open("r+b") as digests, self._pixels.open("r+b") as pixels:
            digests.seek(len(self._rows) * _DIGEST_BYTES)
            pixels.seek(len(self._rows) * int(np.prod(self._shape)))
            for done, digest in enumerate(missing, 1):
                views = decode(photos[digest](), self._shape[1])
                if not isinstance(views, FetchReason):
                    pixels.write(views.tobytes())
                    # First the pixels: a hash without them would name another photo's.
                    pixels.flush()
                    digests.write(bytes.fromhex(digest))
                    self._rows[digest] = len(self._rows)
                if done % _REPORT_EVERY == 0 or done == len(missing):
                    progress(done, len(missing))
