# SPDX-License-Identifier: Apache-2.0
"""From data folders to a sealed bundle that nobody has measured yet."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from consumer.bundle import Thresholds, write_thresholds
from consumer.enrichment.ontology import Ontology
from consumer.errors import OptionInvalid
from triton_models.export.bundle import seal, write_graphs, write_training_ids
from triton_models.training.backbones import weights_for
from triton_models.training.calibrate import judge, pick_thresholds, require_calibration_rows
from triton_models.training.corpus import read_corpus
from triton_models.training.datasets import FASHION_PRODUCT_IMAGES
from triton_models.training.examples import Presenter
from triton_models.training.fuse import Towers, fuse, log_shares
from triton_models.training.image_side import ImageSide
from triton_models.training.labels import load_crosswalk
from triton_models.training.model import Model
from triton_models.training.reduce import fit_projection
from triton_models.training.run_manifest import (
    Shown,
    describe_inputs,
    validation_accuracies,
    write_run_manifest,
)
from triton_models.training.split import Split
from triton_models.training.text_side import TextSide
from triton_models.training.titles import title_words
from triton_models.training.view_types import learn_views

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from consumer.bundle import Head, TaskThresholds
    from triton_models.training.examples import Examples
    from triton_models.training.fuse import Heads
    from triton_models.training.heads import LinearHead
    from triton_models.training.progress import Progress
    from triton_models.training.recipe import Recipe, Sources

ONTOLOGY = "v1"
#: Products of the training split that the axes of the embedding are fitted on.
_AXES_ROWS = 4_000


class Trainer:
    """One run: what every step needs, read once. All chance comes from the recipe's seed."""

    def __init__(self, sources: Sources, recipe: Recipe, cache: Path, progress: Progress) -> None:
        """Reads, splits and labels the data. Raises OptionInvalid or Refused when something is not there."""
        self._text_model = sources.text_model
        self._recipe = recipe
        self._progress = progress
        self._work = cache / "runs"
        self._ontology = Ontology.load(ONTOLOGY)
        self._corpus = read_corpus(sources.data, self._ontology)
        self._weights = weights_for(recipe.image.backbone, sources.image_weights, sources.mobilenet_v2)
        self._image = ImageSide(self._corpus, self._weights, recipe, cache)
        self._text = TextSide(self._corpus, self._ontology, sources, recipe)
        self._presenter = Presenter(self._corpus, self._image, self._text, progress)

    @property
    def faults(self) -> tuple[str, ...]:
        """File, line and reason of rows that were left out and of labels that no crosswalk knows."""
        return self._corpus.faults

    @property
    def undecodable(self) -> tuple[str, ...]:
        """Archive and name of each photo that cannot be decoded; what `learn` or `export` came upon."""
        return self._image.undecodable

    @property
    def notes(self) -> tuple[str, ...]:
        """Classes that stand in one row only."""
        return self._corpus.notes

    def run(self, out: Path) -> None:
        """`learn`, then `export`. Raises OptionInvalid at once when `out` is not empty."""
        require_empty(out)
        self.learn()
        self.export(out)

    def learn(self) -> None:
        """Train both towers. A killed run goes on from its last checkpoint, which is at most ten minutes old."""
        self._image.see(self._progress)
        self._image.learn(self._work, self._progress)
        self._text.learn(self._work, self._progress)

    def export(self, out: Path) -> None:
        """Calibrate, fuse and write what a finished run learnt.

        Raises Refused for a run that has not finished, OptionInvalid for a folder that is not empty.
        `metrics.json` and `model_card.md` say nothing until the bundle is measured.
        """
        require_empty(out)
        self._image.see(self._progress)
        cost = {"image": self._image.restore(self._work), "text": self._text.restore(self._work)}
        rows = self._corpus.splits
        validation, calibration = (self._presenter.sets(rows[split]) for split in (Split.VALIDATION, Split.CALIBRATION))
        hollow = self._presenter.hollow(rows[Split.VALIDATION], title_words(load_crosswalk(FASHION_PRODUCT_IMAGES)))
        priors = {handle: log_shares(right) for handle, right in self._corpus.targets(rows[Split.TRAIN]).items()}
        heads = fuse(Towers(self._image.heads, self._text.heads, priors), calibration, validation, [*hollow.values()])
        views = learn_views(self._corpus, self._image, self._progress)
        model = self._model(heads, views.head)
        write_graphs(model, self._recipe, out)
        write_thresholds(out / "thresholds.json", self._thresholds(heads, calibration))
        # Validation and calibration rows chose and tuned, so they count as seen.
        seen = (row for split, part in rows.items() if split is not Split.TEST for row in part)
        write_training_ids(out / "training_ids.bin", (self._corpus.products[row] for row in seen))
        shipped = self._presenter.shipped(validation["text"], out)
        write_run_manifest(
            out,
            self._recipe,
            describe_inputs(self._weights, self._text_model, self._corpus),
            cost={side: asdict(spent) for side, spent in cost.items()},
            fusion={handle: head.weights.told() for handle, head in heads.fused.items()},
            validation=validation_accuracies(heads, Shown(validation, shipped, hollow)),
            view_types=views.figures,
        )
        (out / "metrics.json").write_text("{}\n", encoding="utf-8")
        (out / "model_card.md").write_text("\n", encoding="utf-8")
        seal(out, model, self._recipe, self._ontology)

    def _model(self, heads: Heads, views: LinearHead | None) -> Model:
        sample = self._presenter.sets(self._corpus.rows_of(Split.TRAIN, FASHION_PRODUCT_IMAGES)[:_AXES_ROWS])
        return Model(
            image=self._image.tower,
            text=self._text.trunk,
            heads=heads,
            image_axes=fit_projection(sample["image"].features, self._recipe.image_axes),
            text_axes=fit_projection(sample["text"].features, self._recipe.text_axes),
            spaces=self._corpus.spaces,
            vocabulary=self._text.tokeniser.vocabulary,
            views=views,
        )

    def _thresholds(self, heads: Heads, calibration: Mapping[Head, Examples]) -> Thresholds:
        for examples in calibration.values():
            require_calibration_rows(examples.rows, self._corpus.splits)
        tasks: dict[str, dict[Head, TaskThresholds]] = {}
        for space in self._corpus.spaces:
            tasks[space.handle] = {
                kind: pick_thresholds(
                    judge(
                        self._ontology,
                        space.handle,
                        space.labels,
                        heads.of(kind)[space.handle].probabilities(examples.features),
                        self._corpus.words_of(space.handle, examples.rows),
                    )
                )
                for kind, examples in calibration.items()
            }
            if not heads.text[space.handle].weight.any():
                # It is the photo's head under another name, and more products have a photo than have both.
                tasks[space.handle]["fused"] = tasks[space.handle]["image"]
        return Thresholds(str(self._recipe.bundle), tasks)


def require_empty(out: Path) -> None:
    """Make the folder where there is none. Raises OptionInvalid when it holds something."""
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise OptionInvalid(f"{out} is not empty; a bundle is written as a whole")
