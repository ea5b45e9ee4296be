# SPDX-License-Identifier: Apache-2.0
"""What a model must beat: the commonest answer, the words of the title, and plain classifiers on frozen features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from triton_models.training.datasets import FASHION_PRODUCT_IMAGES, LabelledProduct
from triton_models.training.labels import load_crosswalk
from triton_models.training.metrics import share
from triton_models.training.split import cleaned_title
from triton_models.training.titles import named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from triton_models.training.metrics import Share
    from triton_models.training.spaces import Question

#: Answers with a value of the space, or None.
Rule = Callable[[LabelledProduct], str | None]

_GENDERS = {
    "men": "Men",
    "mens": "Men",
    "women": "Women",
    "womens": "Women",
    "unisex": "Unisex",
    "boy": "Boys",
    "boys": "Boys",
    "girl": "Girls",
    "girls": "Girls",
}
_T_SHIRTS = dict.fromkeys(("tshirt", "tshirts", "t shirt", "t shirts"), "Tshirts")

_PROBE_ITERATIONS = 60
_PROBE_DECAY = 1e-3


def share_right(question: Question, rule: Rule, products: Sequence[LabelledProduct]) -> Share:
    """How often the rule gives the right value of products that have one."""
    return share([rule(product) == question.truth(product) for product in products])


def majority(question: Question, training: Iterable[LabelledProduct]) -> Rule | None:
    """Always the commonest value of the training products. None without any."""
    counts = Counter(truth for product in training if (truth := question.truth(product)) is not None)
    if not counts:
        return None
    commonest = counts.most_common(1)[0][0]
    return lambda _product: commonest


def lexical(question: Question) -> Rule | None:
    """First colour, else Black; first gender word, else Men; last type name, else Tshirts. None for other tasks."""
    if question.dataset != FASHION_PRODUCT_IMAGES:
        return None
    columns = load_crosswalk(FASHION_PRODUCT_IMAGES).columns
    match question.task:
        case "colour":
            colours = {cleaned_title(name): name for name in columns["baseColour"]}
            return _named(question, colours, 0, "Black")
        case "gender":
            return _named(question, _GENDERS, 0, "Men")
        case "article":
            types = {form: name for name in columns["articleType"] for form in _forms(name)}
            return _named(question, types | _T_SHIRTS, -1, "Tshirts")
        case _:
            return None


def _named(question: Question, phrases: Mapping[str, str], position: int, fallback: str) -> Rule:
    return lambda product: question.merged.get((named(product.title, phrases) or (fallback,))[position])


def _forms(name: str) -> tuple[str, str]:
    """Singular and plural."""
    form = cleaned_title(name)
    return form, form[:-1] if form.endswith("s") and not form.endswith("ss") else f"{form}s"


def nearest_centroid(training: NDArray[np.float32], values: Sequence[str], asked: NDArray[np.float32]) -> list[str]:
    """For each row that is asked for, the value whose mean of unit-length training rows has the largest cosine."""
    names = sorted(set(values))
    training, asked = _unit(training), _unit(asked)
    rows = np.array(values)
    centroids = _unit(np.stack([training[rows == name].mean(0) for name in names]))
    return [names[column] for column in (asked @ centroids.T).argmax(1)]


def linear_probe(training: NDArray[np.float32], values: Sequence[str], asked: NDArray[np.float32]) -> list[str]:
    """Multinomial logistic regression on the frozen features, fitted from zero, so without chance."""
    import torch

    names = sorted(set(values))
    mean, spread = training.mean(0), training.std(0) + 1e-6
    inputs = torch.from_numpy((training - mean) / spread)
    truth = torch.tensor([names.index(value) for value in values])
    linear = torch.nn.Linear(training.shape[1], len(names))
    torch.nn.init.zeros_(linear.weight)
    torch.nn.init.zeros_(linear.bias)
    optimiser = torch.optim.LBFGS(linear.parameters(), max_iter=_PROBE_ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(linear(inputs), truth)
        loss = loss + _PROBE_DECAY * linear.weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    with torch.inference_mode():
        columns = linear(torch.from_numpy((asked - mean) / spread)).argmax(1)
    return [names[column] for column in columns.tolist()]


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), dtype=np.float32)
