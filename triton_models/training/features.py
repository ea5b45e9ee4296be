# SPDX-License-Identifier: Apache-2.0
"""Trunk features of photos, computed once by the exported graph and kept on disk by the hash of each photo."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from consumer.events import FetchReason
from consumer.images.decoding import decode
from consumer.images.pixels import PIXELS_VERSION
from triton_models.export.quiet_runtimes import load_onnxruntime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from triton_models.training.datasets import Photo, PhotoArchive

_BATCH_PHOTOS = 8
#: Photos per file of the cache: what an interrupted run loses at most.
_CHUNK_PHOTOS = 512


class FeatureCache:
    """Feature vectors by photo hash, in a folder of its own for each graph, side and version of the pixel code."""

    def __init__(self, root: Path, trunk: bytes, side: int) -> None:
        """`trunk` is the ONNX graph `images -> image_features`; another graph has another folder."""
        name = hashlib.sha256(trunk + f"/{side}/{PIXELS_VERSION}".encode()).hexdigest()[:16]
        self._folder = root / name
        self._folder.mkdir(parents=True, exist_ok=True)
        self._side = side
        onnxruntime = load_onnxruntime()
        options = onnxruntime.SessionOptions()
        # Spinning threads take the cores from whatever else runs beside a long computation.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(trunk, options, providers=["CPUExecutionProvider"])
        self.computed = 0
        """Photos that this process ran through the graph; the others were there already."""
        self._vectors: dict[str, NDArray[np.float16]] = {}
        for chunk in sorted(self._folder.glob("*.npz")):
            with np.load(chunk) as stored:
                self._vectors.update(zip(stored["hashes"].tolist(), stored["vectors"], strict=True))

    def compute(
        self,
        archive: PhotoArchive,
        hashes: Mapping[Photo, str],
        photos: Sequence[Photo],
        progress: Callable[[int, int], None],
    ) -> dict[Photo, NDArray[np.float16]]:
        """Vectors of all photos that can be decoded; what the cache lacks is computed and kept."""
        missing = [photo for photo in photos if hashes[photo] not in self._vectors]
        done = len(photos) - len(missing)
        for start in range(0, len(missing), _CHUNK_PHOTOS):
            chunk = missing[start : start + _CHUNK_PHOTOS]
            self._keep(list(self._run(archive, {photo: hashes[photo] for photo in chunk})))
            progress(done + start + len(chunk), len(photos))
        return {photo: self._vectors[hashes[photo]] for photo in photos if hashes[photo] in self._vectors}

    def _run(self, archive: PhotoArchive, chunk: Mapping[Photo, str]) -> Iterator[tuple[str, NDArray[np.float16]]]:
        decoded = [(digest, decode(archive.read(photo), self._side)) for photo, digest in chunk.items()]
        readable = [(digest, views) for digest, views in decoded if not isinstance(views, FetchReason)]
        for start in range(0, len(readable), _BATCH_PHOTOS):
            batch = readable[start : start + _BATCH_PHOTOS]
            (vectors,) = self._session.run(["image_features"], {"images": np.stack([views for _, views in batch])})
            yield from zip((digest for digest, _ in batch), vectors.astype(np.float16), strict=True)

    def _keep(self, computed: Sequence[tuple[str, NDArray[np.float16]]]) -> None:
        if not computed:
            return
        hashes = [digest for digest, _ in computed]
        part = self._folder / "part"
        with part.open("wb") as file:
            np.savez(file, hashes=np.array(hashes), vectors=np.stack([vector for _, vector in computed]))
        part.replace(self._folder / f"{hashlib.sha256(''.join(hashes).encode()).hexdigest()[:16]}.npz")
        self._vectors.update(computed)
        self.computed += len(computed)
