# SPDX-License-Identifier: Apache-2.0
"""Photos taken at home, each judged by a tower that never saw its sender."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from consumer.enrichment.ontology import Ontology
from triton_models.training.corpus import read_corpus
from triton_models.training.cross_validate import FOLDS, CrossValidation, share_by_sender
from triton_models.training.datasets import CLOTHING_DATASET
from triton_models.training.image_side import ImageSide
from triton_models.training.page import Table, table_lines
from triton_models.training.recipe import ImageStage
from triton_models.training.report import with_interval
from triton_models.training.train import ONTOLOGY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from triton_models.training.cross_validate import Judged
    from triton_models.training.progress import Progress
    from triton_models.training.recipe import Recipe, Sources

#: How a fold learns from the home photos of the others, at the size of the last stage of the recipe.
STAGE = ImageStage(
    epochs=5, whole_px=(128, 128), detail_px=128, trunk_rate=3e-4, head_rate=1e-3, datasets=(CLOTHING_DATASET,)
)


def report(sources: Sources, recipe: Recipe, cache: Path, progress: Progress) -> list[str]:
    """Starts from the stages of the recipe that see the catalogue alone.

    `hangtag models train` learns them; they and what a fold has learnt are kept in `cache`. Raises Refused where they
    have not been learnt.
    """
    stages = [stage for stage in recipe.image.stages if stage.datasets and CLOTHING_DATASET not in stage.datasets]
    ontology = Ontology.load(ONTOLOGY)
    corpus = read_corpus(sources.data, ontology)
    before = replace(recipe, image=replace(recipe.image, stages=tuple(stages)))
    side = ImageSide(corpus, sources.mobilenet_v2, before, cache)
    side.see(progress)
    side.restore(cache / "runs")
    judged = CrossValidation(corpus, ontology, side).run(STAGE, cache / "runs", progress)
    senders = len({photo.sender for photo in judged})
    title = f"Ten classes of {CLOTHING_DATASET}, {FOLDS} folds, {len(judged):,} photos of {senders} senders"
    return [f"{title}; intervals by sender", "", *table_lines(_table(judged))]


def _table(judged: Sequence[Judged]) -> Table:
    """All photos, then each class, the commonest first."""
    classes: defaultdict[str, list[Judged]] = defaultdict(list)
    for photo in judged:
        classes[photo.truth].append(photo)
    rows = {"all": list(judged)} | dict(sorted(classes.items(), key=lambda one: -len(one[1])))
    shares = {name: share_by_sender(photos) for name, photos in rows.items()}
    return Table(
        ("class", "n", "right"), tuple((name, f"{one.n:,}", with_interval(one)) for name, one in shares.items())
    )
