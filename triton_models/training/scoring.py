# SPDX-License-Identifier: Apache-2.0
"""How often a bundle's answers are right: figures that may be quoted, with their split, space, n and interval."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from consumer.enrichment.ontology import Ontology
from consumer.errors import OptionInvalid
from triton_models.export.bundle import id_prefix
from triton_models.training.baselines import lexical, majority, share_right
from triton_models.training.calibrate import judge
from triton_models.training.corpus import words_by_handle
from triton_models.training.labels import FLOORS
from triton_models.training.metrics import AcceptedMetrics, Share, TaskMetrics, accepted, score
from triton_models.training.spaces import load_space

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from consumer.bundle import Bundle, Head
    from triton_models.training.datasets import LabelledProduct
    from triton_models.training.evaluate import Answers
    from triton_models.training.shown import Inputs
    from triton_models.training.spaces import Question, Space


@dataclass(frozen=True, slots=True)
class Scope:
    """What a figure is about."""

    split: str
    space: str
    inputs: Inputs


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of one set of products, and how far they can be trusted."""

    bundle: int
    thresholds: str
    dataset: str
    split: str
    space: str
    inputs: str
    products: int
    n_seen_in_training: int
    skipped: Mapping[str, int]
    """By task, the products that were not scored: no label in the space, or nothing to show the model."""
    missing_heads: Mapping[str, tuple[str, ...]]
    """Tasks that the bundle cannot answer, with the heads that it lacks."""
    tasks: Mapping[str, TaskMetrics]
    accepted: Mapping[str, AcceptedMetrics]
    """By handle, what the bundle's thresholds let through, in the ontology's own words and apart from any space."""
    baselines: Mapping[str, Mapping[str, Share]]
    """By rule and task, on the products that the task was scored on."""
    faults: tuple[str, ...]
    """Rows and photos that could not be used, by name and reason; the others were scored."""
    unknown_labels: tuple[str, ...]
    """Labels that the crosswalk has never heard of: their products are skipped in that task."""

    def as_json(self) -> dict[str, Any]:
        """The printed form."""
        return asdict(self)


def evaluate(bundle: Bundle, products: Sequence[LabelledProduct], answers: Answers, scope: Scope) -> Evaluation:
    """Score the answers at full coverage; `products` are of one data set. Raises OptionInvalid without any."""
    if not products:
        raise OptionInvalid("there is no product to score")
    ontology = Ontology.load(bundle.manifest.ontology)
    space = load_space(scope.space, products[0].dataset, ontology)
    labels = {task.handle: task.labels for task in bundle.manifest.tasks}
    missing = {
        question.task: lacking
        for question in space.questions
        if (lacking := tuple(handle for handle in question.handles if handle not in labels))
    }
    positions = {
        question.task: scored_positions(space, question, products, answers)
        for question in space.questions
        if question.task not in missing
    }
    skipped = {question.task: len(products) - len(positions.get(question.task, ())) for question in space.questions}
    return Evaluation(
        bundle=bundle.manifest.bundle,
        thresholds=bundle.thresholds.version,
        dataset=products[0].dataset,
        split=scope.split,
        space=scope.space,
        inputs=scope.inputs,
        products=len(products),
        n_seen_in_training=count_seen(bundle, products),
        skipped=skipped,
        missing_heads=missing,
        tasks={
            question.task: score(*answered(question, labels, products, answers, scored))
            for question in space.questions
            if (scored := positions.get(question.task))
        },
        accepted=_accepted(bundle, ontology, products, answers),
        baselines={},
        faults=answers.undecodable,
        unknown_labels=(),
    )


def scored_positions(
    space: Space, question: Question, products: Sequence[LabelledProduct], answers: Answers
) -> tuple[int, ...]:
    """Which of `Answers.rows` have a right value in the space."""
    return tuple(
        position
        for position, row in enumerate(answers.rows)
        if space.qualifies(products[row]) and question.truth(products[row]) is not None
    )


def scored_products(
    space: Space, question: Question, products: Sequence[LabelledProduct], answers: Answers
) -> list[LabelledProduct]:
    """The products that a task is scored on."""
    return [products[answers.rows[position]] for position in scored_positions(space, question, products, answers)]


def rule_shares(
    space: Space, products: Sequence[LabelledProduct], answers: Answers, training: Sequence[LabelledProduct]
) -> dict[str, dict[str, Share]]:
    """How far one gets without a model, on the products that each task is scored on; `training` may be empty."""
    shares: dict[str, dict[str, Share]] = {"majority": {}, "lexical": {}}
    for question in space.questions:
        scored = scored_products(space, question, products, answers)
        for name, rule in (("majority", majority(question, training)), ("lexical", lexical(question))):
            if rule and scored:
                shares[name][question.task] = share_right(question, rule, scored)
    return shares


def count_seen(bundle: Bundle, products: Sequence[LabelledProduct]) -> int:
    """How many of the products the bundle has learnt from, by `training_ids.bin`."""
    raw = (bundle.folder / "training_ids.bin").read_bytes()
    seen = {raw[start : start + 8] for start in range(0, len(raw), 8)}
    return sum(id_prefix(product.dataset, product.id) in seen for product in products)


def answered(
    question: Question,
    labels: Mapping[str, Sequence[str]],
    products: Sequence[LabelledProduct],
    answers: Answers,
    positions: Sequence[int],
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """`[n, values]` probabilities of the question's values, and the right column `[n]`, at these `Answers.rows`.

    `labels`: the answers of each head of the bundle, in the order of its columns.
    """
    column = {value: index for index, value in enumerate(question.values)}
    truth = np.array([column[str(question.truth(products[answers.rows[position]]))] for position in positions])
    chosen = {handle: answers.probabilities[handle][list(positions)] for handle in question.handles}
    return question.answer(labels, chosen), truth


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the products that it is scored on, and what was answered."""

    question: Question
    rows: Sequence[int]
    """Of the products."""
    products: Sequence[LabelledProduct]
    heads: Sequence[Head]
    """By which they were answered."""
    probabilities: NDArray[np.float32]
    """`[n, values]`, of the question's values."""
    truth: NDArray[np.int64]
    """The right column, `[n]`."""

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """Whether the likeliest value is the right one, `[n]`."""
        return np.asarray(self.probabilities.argmax(1) == self.truth)


def asked_of(bundle: Bundle, space: Space, products: Sequence[LabelledProduct], answers: Answers) -> Iterator[Asked]:
    """The questions that the bundle can answer and that some product has a value for."""
    labels = {task.handle: task.labels for task in bundle.manifest.tasks}
    for question in space.questions:
        positions = scored_positions(space, question, products, answers)
        if positions and set(question.handles) <= labels.keys():
            rows = [answers.rows[position] for position in positions]
            yield Asked(
                question,
                rows,
                [products[row] for row in rows],
                [answers.heads[position] for position in positions],
                *answered(question, labels, products, answers, positions),
            )


def _accepted(
    bundle: Bundle, ontology: Ontology, products: Sequence[LabelledProduct], answers: Answers
) -> dict[str, AcceptedMetrics]:
    words = words_by_handle([products[row] for row in answers.rows], tuple(FLOORS))
    found = {}
    for task in bundle.manifest.tasks:
        if not any(words.get(task.handle, ())):
            continue
        judged = judge(ontology, task.handle, task.labels, answers.probabilities[task.handle], words[task.handle])
        thresholds = bundle.thresholds.tasks[task.handle]
        needed = np.array(
            [
                thresholds[answers.heads[position]].accept_of(value)
                for position, value in zip(judged.positions, judged.values, strict=True)
            ]
        )
        found[task.handle] = accepted(judged.confidence >= needed, judged.is_right)
    return found
