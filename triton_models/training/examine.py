# SPDX-License-Identifier: Apache-2.0
"""One evaluation from folder to figures: rows of a split, the bundle's answers, baselines, and the look logged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from consumer.enrichment.ontology import Ontology
from consumer.errors import OptionInvalid
from triton_models.training.corpus import hash_photos, unknown_labels
from triton_models.training.datasets import read_folder
from triton_models.training.evaluate import Evaluator
from triton_models.training.frozen import FrozenFeatures, classifier_shares, training_sample
from triton_models.training.scoring import Scope, asked_of, evaluate, rule_shares, scored_products
from triton_models.training.spaces import load_space
from triton_models.training.split import Split, split_products

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from consumer.bundle import Bundle
    from triton_models.training.datasets import LabelledProduct
    from triton_models.training.evaluate import Answers
    from triton_models.training.metrics import Share
    from triton_models.training.openings import Log
    from triton_models.training.progress import Progress
    from triton_models.training.scoring import Asked, Evaluation
    from triton_models.training.spaces import Space

#: Instead of a split: rows that training never saw. Nothing is hashed, and no groups are needed.
ALL_ROWS = "all"


@dataclass(frozen=True, slots=True)
class Examination:
    """What is asked of a bundle."""

    data: Path
    scope: Scope
    probe_weights: Path | None
    """ImageNet weights for the classifiers on frozen features; None = without them."""
    log: Log
    """Of looks at the test split."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found."""

    evaluation: Evaluation
    """Figures, baselines beside them."""
    tasks: tuple[Asked, ...]
    """What is behind the figures."""


class Examiner:
    """Answers examinations of one bundle."""

    def __init__(self, bundle: Bundle, cache: Path, progress: Progress) -> None:
        """Raises IncompatibleModels when a file of the bundle is not the manifest's."""
        self._bundle = bundle
        self._cache = cache
        self._progress = progress
        self._evaluator = Evaluator(bundle, cache, progress)
        self._ontology = Ontology.load(bundle.manifest.ontology)

    def examine(self, asked: Examination) -> Examined:
        """Answer the products of the split. Raises OptionInvalid for a folder or space that cannot be."""
        folder = read_folder(asked.data)
        space = load_space(asked.scope.space, folder.dataset, self._ontology)
        products, training = select(folder.products, asked.scope.split)
        if asked.scope.split == Split.TEST:
            purpose = f"models evaluate --space {asked.scope.space}, {asked.scope.inputs}"
            asked.log.record(self._bundle.manifest.bundle, folder.dataset, purpose)
        answers = self._evaluator.answer(products, asked.scope.inputs)
        found = evaluate(self._bundle, products, answers, asked.scope)
        baselines: dict[str, Mapping[str, Share]] = dict(rule_shares(space, products, answers, training))
        if asked.probe_weights:
            if not training:
                raise OptionInvalid("the probe learns from the training split, which rows of --split all do not have")
            frozen = FrozenFeatures(asked.probe_weights, self._cache, self._progress)
            baselines |= probe_shares(frozen, space, products, answers, training)
        whole = replace(
            found,
            baselines=baselines,
            faults=(*folder.faults, *found.faults),
            unknown_labels=tuple(unknown_labels(folder)),
        )
        return Examined(whole, tuple(asked_of(self._bundle, space, products, answers)))


def probe_shares(
    frozen: FrozenFeatures,
    space: Space,
    products: Sequence[LabelledProduct],
    answers: Answers,
    training: Sequence[LabelledProduct],
) -> dict[str, dict[str, Share]]:
    """How far plain classifiers on frozen features get, on the products that each task is scored on."""
    sample = training_sample(training)
    features = frozen.of([*sample, *products])
    shares: dict[str, dict[str, Share]] = {}
    for question in space.questions:
        scored = scored_products(space, question, products, answers)
        for name, found in classifier_shares(question, features, sample, scored).items():
            shares.setdefault(name, {})[question.task] = found
    return shares


def select(
    products: Sequence[LabelledProduct], split: str
) -> tuple[tuple[LabelledProduct, ...], tuple[LabelledProduct, ...]]:
    """The products of one split, and those of the training split; with `all` every product, and none."""
    if split == ALL_ROWS:
        return tuple(products), ()
    splits = split_products(products, hash_photos(products))
    asked, training = (tuple(products[row] for row in splits[part]) for part in (Split(split), Split.TRAIN))
    return asked, training
