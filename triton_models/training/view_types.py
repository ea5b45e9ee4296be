# SPDX-License-Identifier: Apache-2.0
"""The head that says what kind of view a picture is, over the vectors of a tower that has learnt other things."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from triton_models.training.heads import LinearHead
from triton_models.training.metrics import share
from triton_models.training.split import Split
from triton_models.training.view_examples import draw_view_examples
from triton_models.training.view_rules import VIEW_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from triton_models.training.corpus import Corpus
    from triton_models.training.image_side import ImageSide
    from triton_models.training.progress import Progress
    from triton_models.training.view_examples import ViewExample
    from triton_models.training.view_rules import ViewKind

#: Products of each data set whose pictures are examples: minutes of decoding, and more adds little.
_PRODUCTS = {Split.TRAIN: 1_000, Split.VALIDATION: 400}
#: Examples that a kind needs; with fewer of one kind there is no head at all.
MIN_EXAMPLES = 50
#: Keeps the weights small: rules make mistakes, and the kinds can be told apart too easily by what else differs.
_DECAY = 1e-2
_MAX_ITERATIONS = 100


@dataclass(frozen=True, slots=True)
class LearntViews:
    """The head, where there are examples of every kind and some to judge it by, and how it does on those."""

    head: LinearHead | None
    figures: dict[str, Any] | None
    """Against what the rules say: they know nothing that the head was not taught."""


def learn_views(corpus: Corpus, image: ImageSide, progress: Progress) -> LearntViews:
    """Fit on pictures of the training split, judge on those of the validation split."""
    (seen, kinds), (asked, right) = (
        _shown(_drawn(corpus, split), image, progress.of(f"views of the {split} split"))
        for split in (Split.TRAIN, Split.VALIDATION)
    )
    head = fit_view_head(seen, kinds)
    if head is None or not right:
        return LearntViews(None, None)
    examples = {kind.value: kinds.count(kind) for kind in VIEW_TYPES}
    return LearntViews(head, {"examples": examples} | judge_views(answer_views(head, asked), right))


def _drawn(corpus: Corpus, split: Split) -> list[ViewExample]:
    return draw_view_examples((corpus.products[row] for row in corpus.splits[split]), _PRODUCTS[split])


def _shown(
    examples: Sequence[ViewExample], image: ImageSide, progress: Callable[[int, int], None]
) -> tuple[NDArray[np.float32], list[ViewKind]]:
    """What the head sees of the pictures, and what they are."""
    seen = image.view_features([example.body for example in examples], progress)
    vectors = np.stack([*seen.values()]) if seen else np.zeros((0, 1), np.float32)
    return vectors, [examples[position].kind for position in seen]


def fit_view_head(vectors: NDArray[np.float32], kinds: Sequence[ViewKind]) -> LinearHead | None:
    """Logistic regression from zero, so without chance; every kind weighs the same, however many examples it has.

    None where a kind has fewer than `MIN_EXAMPLES`.
    """
    right = torch.tensor([VIEW_TYPES.index(kind) for kind in kinds], dtype=torch.int64)
    counts = torch.bincount(right, minlength=len(VIEW_TYPES))
    if counts.min() < MIN_EXAMPLES:
        return None
    inputs, shares = torch.from_numpy(vectors), 1 / counts.to(torch.float32)
    weight = torch.zeros((len(VIEW_TYPES), vectors.shape[1]), requires_grad=True)
    bias = torch.zeros(len(VIEW_TYPES), requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=_MAX_ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(inputs @ weight.T + bias, right, shares)
        loss = loss + _DECAY * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return LinearHead(weight.detach().numpy(), bias.detach().numpy())


def judge_views(answers: Sequence[ViewKind], kinds: Sequence[ViewKind]) -> dict[str, Any]:
    """Share of right answers, and precision and recall of each kind, each with its n and 95 % interval."""
    pairs = list(zip(answers, kinds, strict=True))
    return {
        "accuracy": asdict(share([answer == kind for answer, kind in pairs])),
        "kinds": {
            asked.value: {
                "precision": asdict(share([kind == asked for answer, kind in pairs if answer == asked])),
                "recall": asdict(share([answer == asked for answer, kind in pairs if kind == asked])),
            }
            for asked in VIEW_TYPES
        },
    }


def answer_views(head: LinearHead, vectors: NDArray[np.float32]) -> list[ViewKind]:
    """The likeliest kind of each picture."""
    return [VIEW_TYPES[column] for column in head.logits(vectors).argmax(1)]
