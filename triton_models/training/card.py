# SPDX-License-Identifier: Apache-2.0
"""What was measured on the test split, for machines (`metrics.json`) and for people (`model_card.md`)."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from consumer.enrichment.ontology import Ontology
from triton_models.training.datasets import CLOTHING_DATASET, FASHION_PRODUCT_IMAGES
from triton_models.training.examine import probe_shares
from triton_models.training.page import table_lines
from triton_models.training.report import (
    ACCEPTED_EXPLAINED,
    CHANGED,
    FIGURES_EXPLAINED,
    accepted_table,
    changed_table,
    task_table,
)
from triton_models.training.scoring import Scope, evaluate, rule_shares
from triton_models.training.shown import Inputs
from triton_models.training.spaces import load_space
from triton_models.training.split import Split

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from consumer.bundle import Bundle
    from triton_models.training.corpus import Corpus
    from triton_models.training.evaluate import Evaluator
    from triton_models.training.frozen import FrozenFeatures
    from triton_models.training.metrics import Share
    from triton_models.training.openings import Opening
    from triton_models.training.scoring import Evaluation

#: What is measured: by data set, the label spaces and the kinds of input.
_MEASURED: Mapping[str, tuple[tuple[str, ...], tuple[Inputs, ...]]] = {
    FASHION_PRODUCT_IMAGES: (
        ("A", "B", "ours"),
        (Inputs.PHOTOS_ONLY, Inputs.TITLES_ONLY, Inputs.ALL, *CHANGED),
    ),
    CLOTHING_DATASET: (("ours",), (Inputs.PHOTOS_ONLY,)),
}
_SPACES = {
    "A": "Space A: 55 article types, 15 colour families; tasks with more values than the space drop the others.",
    "B": "Space B: the 20 commonest article types, 15 colours; only rows that have a value in every task.",
    "ours": "Our own space: every value with at least 100 labelled training rows.",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """All figures of the test split, of all data sets."""

    evaluations: tuple[Evaluation, ...]
    rows: Mapping[str, Mapping[Split, int]]
    """Products by data set and split."""


def measure(bundle: Bundle, corpus: Corpus, evaluator: Evaluator, frozen: FrozenFeatures | None) -> Measured:
    """Answer the test split by the bundle's files, with each kind of input in each space, baselines beside them.

    Without `frozen` features the classifiers on them are left out.
    """
    datasets = [dataset for dataset in _MEASURED if any(product.dataset == dataset for product in corpus.products)]
    return Measured(
        tuple(found for dataset in datasets for found in _evaluations(bundle, corpus, dataset, evaluator, frozen)),
        {dataset: {split: len(corpus.rows_of(split, dataset)) for split in Split} for dataset in datasets},
    )


def _evaluations(
    bundle: Bundle, corpus: Corpus, dataset: str, evaluator: Evaluator, frozen: FrozenFeatures | None
) -> Iterator[Evaluation]:
    asked, training = (
        [corpus.products[row] for row in corpus.rows_of(split, dataset)] for split in (Split.TEST, Split.TRAIN)
    )
    spaces, kinds = _MEASURED[dataset]
    for inputs in kinds if asked else ():
        answers = evaluator.answer(asked, inputs)
        for name in spaces:
            found = evaluate(bundle, asked, answers, Scope(Split.TEST, name, inputs))
            space = load_space(name, dataset, Ontology.load(bundle.manifest.ontology))
            shares: dict[str, Mapping[str, Share]] = {}
            if inputs is (Inputs.ALL if Inputs.ALL in kinds else kinds[0]):
                shares |= rule_shares(space, asked, answers, training)
            if inputs is Inputs.PHOTOS_ONLY and frozen and training:
                shares |= probe_shares(frozen, space, asked, answers, training)
            yield replace(found, baselines=shares)


def write_metrics(path: Path, measured: Measured) -> None:
    """The figures as one tree."""
    tree = {
        "split": Split.TEST,
        "rows": measured.rows,
        "evaluations": [evaluation.as_json() for evaluation in measured.evaluations],
    }
    path.write_text(json.dumps(tree, indent=1) + "\n", encoding="utf-8")


def write_card(
    path: Path, bundle: Bundle, measured: Measured, run: Mapping[str, Any], openings: Sequence[Opening]
) -> None:
    """The page that comes with the bundle; `run` is its `run.json`, `openings` the looks at the test split so far."""
    manifest = bundle.manifest
    heads = [f"| `{task.handle}` | {len(task.labels)} |" for task in manifest.tasks]
    rows = [
        f"- {dataset}: {', '.join(f'{split} {count:,}' for split, count in counts.items())}."
        for dataset, counts in measured.rows.items()
    ]
    sections = {
        f"# Model card: bundle {manifest.bundle}": [_PURPOSE],
        "## Use": [_USE, "", "| attribute | answers |", "|---|---|", *heads, "", _FLOORS],
        "## How it is made": [_made(run)],
        "## Data": [_DATA, "", *rows, "", *(f"- {entry.source}: {entry.licence}" for entry in manifest.licences)],
        "## Figures": [FIGURES_EXPLAINED, _BASELINES, *_tables(measured)],
        "## Accepted answers": [ACCEPTED_EXPLAINED, *_accepted(measured)],
        "## Kinds of view": [*_views(run)],
        "## Looks at the test split": [
            _OPENINGS,
            "",
            *(f"- {opening.at}, {opening.dataset}: {opening.purpose}" for opening in openings),
        ],
        "## Limits": [_LIMITS],
        "## Cost": [_cost(run)],
    }
    text = "\n".join("\n".join((title, *lines, "")) for title, lines in sections.items())
    path.write_text(text, encoding="utf-8")


def _made(run: Mapping[str, Any]) -> str:
    image, text = run["recipe"]["image"], run["recipe"]["text"]
    photos = sorted(handle for handle, weights in run["fusion"].items() if weights["text"] == 0)
    return _MADE.format(
        side=run["recipe"]["side"],
        frozen=image["frozen_blocks"],
        hidden=image["hidden"],
        dim=image["dim"],
        backbone=image["backbone"],
        stages=", then ".join(_stage(stage) for stage in image["stages"]),
        layers=text["layers"],
        epochs=f"{text['epochs']:g}",
        deleted=f"{text['titles']['words_deleted']:.0%}",
        photos=", ".join(f"`{handle}`" for handle in photos) or "none",
    )


def _stage(stage: Mapping[str, Any]) -> str:
    height, width = stage["whole_px"]
    return f"{stage['epochs']:g} epochs at {width}x{height} and {stage['detail_px']} pixels"


def _cost(run: Mapping[str, Any]) -> str:
    parts = ", ".join(
        f"{side} tower {spent['seconds'] / 60:.0f} minutes ({spent['core_hours']:.1f} core-hours)"
        for side, spent in run["cost"].items()
    )
    return f"{parts}, on {run['cores']} CPU cores; no GPU. Commit of the code: {run['commit'] or 'unknown'}."


def _tables(measured: Measured) -> Iterator[str]:
    for dataset, space in dict.fromkeys((found.dataset, found.space) for found in measured.evaluations):
        chosen = [found for found in measured.evaluations if (found.dataset, found.space) == (dataset, space)]
        plain = [found for found in chosen if found.inputs not in CHANGED]
        yield from ("", f"### {dataset}, space {space}", _SPACES[space], "", *table_lines(task_table(plain)))
        if len(plain) < len(chosen):
            yield from ("", _CHANGED, "", *table_lines(changed_table(chosen)))


def _accepted(measured: Measured) -> Iterator[str]:
    for dataset in dict.fromkeys(found.dataset for found in measured.evaluations):
        chosen = {found.inputs: found for found in measured.evaluations if found.dataset == dataset}
        yield from ("", f"### {dataset}", *table_lines(accepted_table(list(chosen.values()))))


def _views(run: Mapping[str, Any]) -> Iterator[str]:
    figures = run.get("view_types")
    if not figures:
        yield "This bundle has no head for it: events say UNKNOWN."
        return
    yield from (_VIEWS, "", "| kind | examples | precision (n; 95 %) | recall (n; 95 %) |", "|---|---|---|---|")
    for kind, shares in figures["kinds"].items():
        cells = (
            f"{found['accuracy']:.3f} ({found['n']:,}; {found['ci95'][0]:.3f}-{found['ci95'][1]:.3f})"
            for found in (shares["precision"], shares["recall"])
        )
        yield f"| `{kind}` | {figures['examples'][kind]:,} | {' | '.join(cells)} |"


_MADE = """\
- Photos: {backbone} (ImageNet; its first {frozen} blocks stay as they were), two views of {side} pixels (the whole;
  the centre at native resolution), a dense layer of {hidden} and one of {dim}; {stages}. Several photos: channel-wise
  maximum.
- Text: a BERT of {layers} layers from all-MiniLM-L6-v2 with a vocabulary of its own, {epochs} epochs on titles of
  which {deleted} lost words that name colour, gender or type; masked mean. Weights int8, those of the photo side
  float16.
- Heads: one for photo, text and both. The one for both weighs the two calibrated log-probabilities by attribute, the
  text by a gate that sees its vector and how sure it is; both were fitted on the validation split, with titles as they
  are, with label words deleted, and with a brand or a number alone. By the photo alone: {photos}.
- A temperature per head from the calibration split, kept only where the validation split gains. Thresholds: the lowest
  confidence whose precision on the calibration split is at least .91 (accept, so that .90 holds elsewhere) or .50
  (suggest) by its lower Wilson bound."""

_PURPOSE = """\
Small enough for a checkout, so that a fresh one tags products without training anything."""

_USE = """\
Category and attributes of a fashion product from up to five photos and its vendor's text, as suggestions for a
catalogue. Not for judging people: `target-gender` and `age-group` are the shelf that a shop would put a product on,
learnt from one shop's habits. Not for products other than clothing, shoes, accessories and personal care."""

_FLOORS = """\
A category with fewer than 20 training rows is no answer; a shade with fewer than 100 counts for its family."""

_DATA = """\
Products that share a group, a sender, a cleaned title or a photo's bytes stay together; a salted hash deals them: one
split for all attributes. The catalogue's photos belong to the retailer and show people; none is part of this bundle
or its source. Part of both data sets was held back by others and has never been seen."""

_BASELINES = """\
`majority`: the commonest training answer. `lexical`: the first colour of the title, else Black; the first gender word,
else Men; the last type name, else Tshirts. Nearest centroid and linear probe: on ImageNet's MobileNetV2 as it is, the
whole photo at 224 pixels, 4,000 training photos."""

_VIEWS = """\
`images[].view_type`, learnt from pictures of the training split that rules of thumb were sure of, and from details made
of photos; no photo had a label. The figures are against the same rules on the validation split, not against people."""

_CHANGED = """\
The same with a title that says less, nothing or something wrong, and with several pictures: there is one photo of each
product, so they are made of it, and of another product's."""

_OPENINGS = """\
Every command that shows figures of the test split adds a line to `test_openings.jsonl` in the bundle's folder, or in
the user's folder for the bundle of the package. Until this card was written:"""

_LIMITS = """\
- Titles of this data nearly always name colour, gender and type; vendors who do not will see figures nearer to those
  with label words deleted.
- Look-alike photos of the catalogue disagree on colour in 44 of 100 cases, partly because they are real colourways:
  colour from the photo alone is weak.
- Season and usage are one shop's planning more than something to be seen; they stay suggestions.
- Heads have seen titles, and few descriptions. Brands and vendor categories go through the same text tower untested.
- Photos by people at home come from 347 senders; drawings and garment details are outside the training data."""
