# SPDX-License-Identifier: Apache-2.0
"""What each kind of head sees of some products, once both towers have learnt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import compress
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from consumer.bundle import compose_text
from triton_models.export.runtimes import TEXT_ENCODER, OnnxRuntime
from triton_models.training.calibrate import CalibrationSet
from triton_models.training.inputs import event_of, with_titles_for
from triton_models.training.shown import Inputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from consumer.bundle import Head
    from triton_models.training.corpus import Corpus
    from triton_models.training.heads import FusedHead, LinearHead
    from triton_models.training.image_side import ImageSide
    from triton_models.training.progress import Progress
    from triton_models.training.text_side import TextSide
    from triton_models.training.titles import TitleWords

_BATCH_TEXTS = 64


@dataclass(frozen=True, slots=True)
class Examples:
    """Products with what one kind of head sees of them."""

    rows: tuple[int, ...]
    features: NDArray[np.float32]
    targets: Mapping[str, NDArray[np.bool_]]
    """By task, the right columns."""
    is_second_half: NDArray[np.bool_]
    """Two halves with no group of products in both: what is fitted on one can be tried on the other."""

    def half(self, *, second: bool) -> Examples:
        """One of the halves."""
        kept = self.is_second_half == second
        return Examples(
            tuple(compress(self.rows, kept)),
            self.features[kept],
            {handle: right[kept] for handle, right in self.targets.items()},
            self.is_second_half[kept],
        )

    def of(self, handle: str) -> CalibrationSet:
        """One task's."""
        return CalibrationSet(self.features, self.targets[handle])

    def accuracy(self, handle: str, head: LinearHead | FusedHead) -> float | None:
        """Share of labelled products whose likeliest column is right; None without any."""
        right = self.rights(handle, head)
        return float(right.mean()) if len(right) else None

    def rights(self, handle: str, head: LinearHead | FusedHead) -> NDArray[np.bool_]:
        """Of each labelled product, whether its likeliest column is right."""
        right = self.targets[handle]
        answers = head.logits(self.features).argmax(1)
        is_right: NDArray[np.bool_] = right[np.arange(len(right)), answers][right.any(1)]
        return is_right


class Presenter:
    """Shows products to both towers."""

    def __init__(self, corpus: Corpus, image: ImageSide, text: TextSide, progress: Progress) -> None:
        self._corpus = corpus
        self._image = image
        self._text = text
        self._progress = progress

    def sets(self, rows: Sequence[int]) -> dict[Head, Examples]:
        """Products with a photo, with a title, and with both."""
        images = self._image.vectors(rows, self._progress.of("photos through the tower"))
        texts = self._texts({row: self._text.text(row) for row in rows})
        return {"image": self._examples(images), "text": self._examples(texts), "fused": self._both(images, texts)}

    def hollow(self, rows: Sequence[int], words: TitleWords) -> dict[Inputs, Examples]:
        """Products with both, their titles changed so that they give no answer away."""
        images = self._image.vectors(rows, self._progress.of("photos through the tower"))
        products = [self._corpus.products[row] for row in rows]
        found = {}
        for inputs in (Inputs.BARE_TITLES, Inputs.USELESS_TITLES):
            shown = zip(rows, with_titles_for(inputs, products, words), strict=True)
            found[inputs] = self._both(
                images, self._texts({row: compose_text(event_of(product)).text for row, product in shown})
            )
        return found

    def shipped(self, titles: Examples, folder: Path) -> Examples:
        """Products with a title, as the text graph in `folder` reads them: its weights are narrower."""
        run = OnnxRuntime(folder)
        tokens = [self._text.tokeniser.encode(self._text.text(row)) for row in titles.rows]
        answers = []
        for start in range(0, len(tokens), _BATCH_TEXTS):
            batch = tokens[start : start + _BATCH_TEXTS]
            names = ("input_ids", "attention_mask")
            inputs = {name: np.concatenate([getattr(encoded, name) for encoded in batch]) for name in names}
            answers.append(run(TEXT_ENCODER, inputs)["text_features"].astype(np.float32))
        return replace(titles, features=np.concatenate(answers))

    def _texts(self, texts: Mapping[int, str]) -> dict[int, NDArray[np.float32]]:
        said = {row: text for row, text in texts.items() if text}
        vectors = self._text.vectors([*said.values()], self._progress.of("texts through the tower"))
        return dict(zip(said, vectors, strict=True))

    def _both(self, images: Mapping[int, NDArray[np.float32]], texts: Mapping[int, NDArray[np.float32]]) -> Examples:
        return self._examples({row: np.hstack([images[row], text]) for row, text in texts.items() if row in images})

    def _examples(self, vectors: Mapping[int, NDArray[np.float32]]) -> Examples:
        rows = tuple(vectors)
        products = (self._corpus.products[row] for row in rows)
        halves = [crc32((product.group or product.key).encode()) % 2 == 1 for product in products]
        return Examples(rows, np.stack([*vectors.values()]), self._corpus.targets(rows), np.array(halves))
