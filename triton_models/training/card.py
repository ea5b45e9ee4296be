# SPDX-License-Identifier: Apache-2.0
"""What was measured, for machines (`metrics.json`) and for people (`model_card.md`)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from triton_models.training.baselines import LexicalRule, majority
from triton_models.training.evaluate import TASK_NAMES, Inputs, evaluate
from triton_models.training.metrics import wilson
from triton_models.training.split import Split
from triton_models.training.titles import title_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from consumer.bundle import Bundle
    from triton_models.training.corpus import Corpus
    from triton_models.training.evaluate import Evaluation, Evaluator
    from triton_models.training.labels import Crosswalk
    from triton_models.training.metrics import TaskMetrics

_SHOWN = {
    Inputs.PHOTOS_ONLY: "photo only",
    Inputs.TITLES_ONLY: "title only",
    Inputs.ALL: "photo and title",
}


@dataclass(frozen=True, slots=True)
class Share:
    """How often a rule is right."""

    accuracy: float
    n: int
    ci95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took."""

    seconds: float
    photos: int
    """Photos that the heads learnt from."""
    titles: int
    """Titles that the heads learnt from."""
    features_computed: int
    """Photos of which this run computed features for training; those of the others were in the cache."""


@dataclass(frozen=True, slots=True)
class Measured:
    """All figures of the test split."""

    evaluations: Mapping[Inputs, Evaluation]
    baselines: Mapping[str, Mapping[str, Share]]
    """`majority` and `lexical`, by task name, on the rows that the task is scored on."""
    rows: Mapping[Split, int]


def measure(bundle: Bundle, corpus: Corpus, crosswalk: Crosswalk, evaluator: Evaluator) -> Measured:
    """Answer the test split by the bundle's files, with each kind of input, and by the two baselines."""
    products = [corpus.products[row] for row in corpus.splits[Split.TEST]]
    evaluations = {
        inputs: evaluate(bundle, products, evaluator.answer(products, inputs), crosswalk, Split.TEST)
        for inputs in _SHOWN
    }
    rows = {split: len(part) for split, part in corpus.splits.items()}
    return Measured(evaluations, baselines(bundle, corpus, crosswalk), rows)


def baselines(bundle: Bundle, corpus: Corpus, crosswalk: Crosswalk) -> dict[str, dict[str, Share]]:
    """Majority of the training split, and the words of the title, on the test split."""
    rule = LexicalRule(title_words(crosswalk), crosswalk)
    shares: dict[str, dict[str, Share]] = {"majority": {}, "lexical": {}}
    for task in bundle.manifest.tasks:
        words = corpus.words[task.handle]
        commonest = majority(words[row] for row in corpus.splits[Split.TRAIN])
        scored = [row for row in corpus.splits[Split.TEST] if words[row] in task.labels]
        name = TASK_NAMES[task.handle]
        shares["majority"][name] = _share([words[row] == commonest for row in scored])
        shares["lexical"][name] = _share(
            [rule.answer(task.handle, corpus.products[row].title) == words[row] for row in scored]
        )
    return shares


def write_report(out: Path, bundle: Bundle, measured: Measured, cost: Cost) -> None:
    """`metrics.json` and `model_card.md`, from the same figures."""
    tree = {
        "split": Split.TEST,
        "space": "ours",
        "rows": {str(split): count for split, count in measured.rows.items()},
        "inputs": {str(inputs): evaluation.as_json() for inputs, evaluation in measured.evaluations.items()},
        "baselines": {
            name: {task: asdict(share) for task, share in shares.items()} for name, shares in measured.baselines.items()
        },
        "cost": asdict(cost),
    }
    (out / "metrics.json").write_text(json.dumps(tree, indent=1) + "\n", encoding="utf-8")
    (out / "model_card.md").write_text(_card(bundle, measured, cost), encoding="utf-8")


def _share(is_right: Sequence[bool]) -> Share:
    return Share(float(np.mean(is_right)) if is_right else 0.0, len(is_right), wilson(sum(is_right), len(is_right)))


def _card(bundle: Bundle, measured: Measured, cost: Cost) -> str:
    manifest = bundle.manifest
    labels = "\n".join(
        f"| `{task.handle}` | {TASK_NAMES[task.handle]} | {len(task.labels)} |" for task in manifest.tasks
    )
    licences = "\n".join(f"- {licence.source}: {licence.licence}" for licence in manifest.licences)
    rows = ", ".join(f"{split} {count:,}" for split, count in measured.rows.items())
    return _TEMPLATE.format(
        bundle=manifest.bundle,
        ontology=manifest.ontology,
        labels=labels,
        licences=licences,
        rows=rows,
        table="\n".join(_table(measured)),
        photos=f"{cost.photos:,}",
        titles=f"{cost.titles:,}",
        minutes=f"{cost.seconds / 60:.0f}",
        computed=f"{cost.features_computed:,}",
    )


def _table(measured: Measured) -> list[str]:
    lines = []
    for task in TASK_NAMES.values():
        for name, shares in measured.baselines.items():
            share = shares[task]
            lines.append(f"| {task} | {name} | {_with_interval(share)} | | | | | {share.n:,} |")
        for inputs, evaluation in measured.evaluations.items():
            if figures := evaluation.tasks.get(task):
                lines.append(
                    f"| {task} | {_SHOWN[inputs]} | {_with_interval(figures)} | {figures.macro_f1:.3f} "
                    f"| {figures.top3:.3f} | {figures.ece:.3f} | {figures.coverage_at_p90:.2f} | {figures.n:,} |"
                )
    return lines


def _with_interval(figures: Share | TaskMetrics) -> str:
    low, high = figures.ci95
    return f"{figures.accuracy:.3f} ({low:.3f}-{high:.3f})"


_TEMPLATE = """\
# Model card: bundle {bundle}

A small first model, so that a fresh checkout can tag products without training anything. Frozen feature extractors
with linear heads; made in minutes on two CPU cores.

## Use
Category, target gender and colour of a fashion product from up to five photos and its vendor's text, as suggestions
for a catalogue. Not for judging people: `target-gender` is the shelf that a shop would put a product on, learnt
from one shop's habits. Not for products other than clothing, shoes, accessories and personal care.

| task | figure | answers |
|---|---|---|
{labels}

Ontology {ontology}. A category with fewer than 100 training rows is no answer; a shade with fewer counts for its
family. Gender has three values (Boys count as Male, Girls as Female), so its figures compare with no five-valued
ones.

## How it is made
- Photos: MobileNetV2 (ImageNet), two views (the whole; the centre at native resolution), averaged, 2 x 1280 numbers
  reduced to 128 by principal axes of the training split. Several photos: channel-wise maximum.
- Text: word pieces of training titles, ontology and colour names; the first two layers of all-MiniLM-L6-v2; masked
  mean, reduced to 128. Weights int8 with a scale per channel; image weights float16; arithmetic float32.
- Heads: multinomial logistic regression; one each for photo, text and both. The head for both also sees titles
  without colour, gender and type words, so that it does not ignore the photo. Photos of products with the same
  labels are pooled to stand for several photos of one product: the data has one each.
- A temperature per head from the calibration split, kept only where the validation split gains. Thresholds: the
  lowest confidence whose precision on the calibration split is at least .90 (accept) or .50 (suggest) by its lower
  Wilson bound.

## Data
fashion-product-images (one shop's catalogue, mostly white background, 60x80 pixels). Rows that share a group, a
cleaned title or a photo's bytes stay together; a salted hash deals them:
{rows}.
Learnt from {photos} photos and {titles} titles of the training split. The photos belong to the retailer and show
people; none is part of this bundle or its source.

{licences}

## Figures
Test split, measured on the files of this folder, every row answered. Accuracy with its 95 % Wilson interval;
coverage: share of rows, most confident first, that is right at least 90 % of the time. Baselines: `majority` always
gives the commonest training answer; `lexical` the first colour, the first gender and the last type named in the
title.

| task | input | accuracy | macro-F1 | top 3 | ECE | coverage at .90 | n |
|---|---|---|---|---|---|---|---|
{table}

## Limits
- Titles here nearly always name colour, gender and type; vendors who do not will see figures nearer to "photo
  only".
- Colour from the photo alone is weak: the features were made to ignore it, and look-alike photos of this set
  disagree on colour in 44 of 100 cases. Jewellery, watches and multi-coloured garments are hard.
- Heads have seen titles only. Descriptions, brands and vendor categories go through the same text tower untested.
- Photos by people at home, drawings and garment details are outside the training data.

## Cost
{minutes} minutes on two shared CPU cores, evaluation included; no GPU. Image features are computed once and kept:
{computed} photos were computed in this run, the others before. Two idle cores do about 50 photos a second.
"""
