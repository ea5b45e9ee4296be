# SPDX-License-Identifier: Apache-2.0
"""Two bundles on the same products: where one is right and the other is not, and whether that could be chance."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from math import comb, sqrt
from typing import TYPE_CHECKING, Any

from consumer.enrichment.ontology import Ontology
from consumer.errors import OptionInvalid
from triton_models.training.datasets import read_folder
from triton_models.training.evaluate import Evaluator
from triton_models.training.examine import select
from triton_models.training.metrics import Z_95
from triton_models.training.scoring import Scope, asked_of
from triton_models.training.spaces import load_space
from triton_models.training.split import Split

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from consumer.bundle import Bundle
    from triton_models.training.openings import Log
    from triton_models.training.progress import Progress
    from triton_models.training.scoring import Asked


@dataclass(frozen=True, slots=True)
class Paired:
    """One task, or one value of it, answered by both bundles for the same products."""

    n: int
    accuracy_a: float
    accuracy_b: float
    only_a: int
    """Products that A alone has right."""
    only_b: int
    difference: float
    """Of the accuracies, B's less A's."""
    ci95: tuple[float, float]
    """Wald interval of the paired difference."""
    p: float
    """Of so uneven a share of `only_a` and `only_b` by chance: McNemar's test, exact and two-sided."""


@dataclass(frozen=True, slots=True)
class PairedTask:
    """One task as a whole and by its right value."""

    whole: Paired
    values: Mapping[str, Paired]
    """Those that occur, the commonest first."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Figures of two bundles over one set of products."""

    bundle_a: int
    bundle_b: int
    dataset: str
    split: str
    space: str
    inputs: str
    products: int
    tasks: Mapping[str, PairedTask]
    not_compared: tuple[str, ...]
    """Tasks that one of the bundles has no head for, or that no product has a value for."""
    faults: tuple[str, ...]
    """Rows and photos that could not be used, by name and reason."""

    def as_json(self) -> dict[str, Any]:
        """The printed form."""
        return asdict(self)


def pair(right_a: Sequence[bool], right_b: Sequence[bool]) -> Paired:
    """Both bundles' answers to the same products. ValueError without any, or for lists of unequal length."""
    n = len(right_a)
    if not n:
        raise ValueError("nothing to compare")
    only_a, only_b = (
        sum(mine and not other for mine, other in zip(ours, theirs, strict=True))
        for ours, theirs in ((right_a, right_b), (right_b, right_a))
    )
    difference = (only_b - only_a) / n
    half = Z_95 * sqrt(max(0.0, only_a + only_b - (only_b - only_a) ** 2 / n)) / n
    return Paired(
        n=n,
        accuracy_a=sum(right_a) / n,
        accuracy_b=sum(right_b) / n,
        only_a=only_a,
        only_b=only_b,
        difference=difference,
        ci95=(difference - half, difference + half),
        p=exact_mcnemar(only_a, only_b),
    )


def exact_mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided binomial test of evenly shared discordant pairs; 1 without any (McNemar 1947, exact form)."""
    discordant = only_a + only_b
    tail = sum(comb(discordant, count) for count in range(min(only_a, only_b) + 1))
    return min(1.0, 2 * tail / (1 << discordant))


class Comparer:
    """Answers the same products by two bundles."""

    def __init__(self, bundles: tuple[Bundle, Bundle], cache: Path, progress: Progress) -> None:
        """Raises IncompatibleModels when a file of a bundle is not the manifest's."""
        self._bundles = bundles
        self._evaluators = tuple(Evaluator(bundle, cache, progress) for bundle in bundles)

    def compare(self, data: Path, scope: Scope, logs: tuple[Log, Log]) -> Comparison:
        """Both on one split of a folder. Raises OptionInvalid for a folder or space that cannot be.

        `logs`: of looks at the test split, by each bundle.
        """
        folder = read_folder(data)
        products, _ = select(folder.products, scope.split)
        if not products:
            raise OptionInvalid("there is no product to compare the bundles on")
        if scope.split == Split.TEST:
            for bundle, log in zip(self._bundles, logs, strict=True):
                log.record(bundle.manifest.bundle, folder.dataset, f"models compare --space {scope.space}")
        space = load_space(scope.space, folder.dataset, Ontology.load(self._bundles[0].manifest.ontology))
        answers = [evaluator.answer(products, scope.inputs) for evaluator in self._evaluators]
        first, second = self._bundles
        answered_by_first, answered_by_second = (
            {asked.question.task: asked for asked in asked_of(bundle, space, products, answer)}
            for bundle, answer in zip(self._bundles, answers, strict=True)
        )
        tasks = {
            task: found
            for task, asked in answered_by_first.items()
            if (other := answered_by_second.get(task)) and (found := _paired(asked, other))
        }
        return Comparison(
            bundle_a=first.manifest.bundle,
            bundle_b=second.manifest.bundle,
            dataset=folder.dataset,
            split=scope.split,
            space=scope.space,
            inputs=scope.inputs,
            products=len(products),
            tasks=tasks,
            not_compared=tuple(question.task for question in space.questions if question.task not in tasks),
            faults=(*folder.faults, *dict.fromkeys(fault for answer in answers for fault in answer.undecodable)),
        )


def _paired(one: Asked, other: Asked) -> PairedTask | None:
    """None where no product was answered by both."""
    first, second = (dict(zip(asked.rows, asked.is_right.tolist(), strict=True)) for asked in (one, other))
    values = dict(zip(one.rows, one.truth, strict=True))
    by_value: defaultdict[str, list[int]] = defaultdict(list)
    for row in first.keys() & second.keys():
        by_value[one.question.values[values[row]]].append(row)
    if not by_value:
        return None

    def paired(rows: Sequence[int]) -> Paired:
        return pair([first[row] for row in rows], [second[row] for row in rows])

    commonest = sorted(by_value.items(), key=lambda value: (-len(value[1]), value[0]))
    return PairedTask(
        whole=paired([row for rows in by_value.values() for row in rows]),
        values={value: paired(rows) for value, rows in commonest},
    )
