# SPDX-License-Identifier: Apache-2.0
"""The last step of a training run: figures of the test split by the files as they are shipped, and the model card."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from consumer.bundle import load_bundle
from consumer.enrichment.ontology import Ontology
from triton_models.export.bundle import reseal
from triton_models.training.card import measure, write_card, write_metrics
from triton_models.training.corpus import read_corpus
from triton_models.training.evaluate import Evaluator
from triton_models.training.frozen import FrozenFeatures
from triton_models.training.openings import OPENINGS_FILE, Log, read_openings
from triton_models.training.run_manifest import RUN_MANIFEST

if TYPE_CHECKING:
    from pathlib import Path

    from triton_models.training.progress import Progress
    from triton_models.training.recipe import Sources


def measure_bundle(folder: Path, sources: Sources, cache: Path, progress: Progress, at: str) -> None:
    """Write `metrics.json` and `model_card.md` of a sealed bundle and seal it again. `at` is now, RFC 3339.

    Raises OptionInvalid or Refused when the data cannot be read, IncompatibleModels when the bundle is not as it was
    sealed.
    """
    bundle = load_bundle(folder)
    corpus = read_corpus(sources.data, Ontology.load(bundle.manifest.ontology))
    evaluator = Evaluator(bundle, cache, progress)
    log = Log(folder / OPENINGS_FILE, at)
    for dataset in dict.fromkeys(product.dataset for product in corpus.products):
        log.record(bundle.manifest.bundle, dataset, "model card: every space, every kind of input")
    measured = measure(bundle, corpus, evaluator, FrozenFeatures(sources.mobilenet_v2, cache, progress))
    run = json.loads((folder / RUN_MANIFEST).read_text(encoding="utf-8"))
    write_metrics(folder / "metrics.json", measured)
    write_card(folder / "model_card.md", bundle, measured, run, read_openings(folder / OPENINGS_FILE))
    reseal(folder, graphs_changed=False)
