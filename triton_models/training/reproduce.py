# SPDX-License-Identifier: Apache-2.0
"""Whether the figures that come with a bundle are those that its files give."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from consumer.enrichment.ontology import Ontology
from triton_models.training.card import measure
from triton_models.training.corpus import read_corpus
from triton_models.training.evaluate import Evaluator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from consumer.bundle import Bundle
    from triton_models.training.openings import Log
    from triton_models.training.progress import Progress

#: Largest difference of a figure: other processors round otherwise, and a few of thousands of answers are close.
TOLERANCE = 0.003
#: By part of an evaluation, the figures that the card quotes of it.
_FIGURES = {"tasks": ("accuracy", "ece"), "accepted": ("precision", "coverage")}


def find_differences(
    bundle: Bundle, data: Sequence[Path], log: Log, cache: Path, progress: Progress
) -> tuple[str, ...]:
    """Measure a bundle anew and name every figure that is not the one in its `metrics.json`; empty when all agree."""
    corpus = read_corpus(data, Ontology.load(bundle.manifest.ontology))
    for dataset in dict.fromkeys(product.dataset for product in corpus.products):
        log.record(bundle.manifest.bundle, dataset, "models verify: the card's figures")
    measured = measure(bundle, corpus, Evaluator(bundle, cache, progress), None)
    quoted = json.loads((bundle.folder / "metrics.json").read_text(encoding="utf-8")).get("evaluations", [])
    by_scope = {_scope(evaluation): evaluation for evaluation in quoted}
    return tuple(
        fault
        for evaluation in measured.evaluations
        for fault in _differences(evaluation.as_json(), by_scope.get(_scope(evaluation.as_json())))
    )


def _scope(evaluation: Mapping[str, Any]) -> tuple[str, str, str]:
    return evaluation["dataset"], evaluation["space"], evaluation["inputs"]


def _differences(found: Mapping[str, Any], quoted: Mapping[str, Any] | None) -> Iterator[str]:
    where = ", ".join(_scope(found))
    if quoted is None:
        yield f"{where}: metrics.json has no figures"
        return
    for part, figures in _FIGURES.items():
        for name in sorted(found[part].keys() | quoted[part].keys()):
            now, then = found[part].get(name), quoted[part].get(name)
            if now is None or then is None:
                yield f"{where}, {name}: {'quoted' if then else 'measured'} only"
            elif now["n"] != then["n"]:
                yield f"{where}, {name}: measured on {now['n']} products, quoted of {then['n']}"
            else:
                yield from (
                    f"{where}, {name}: {figure} {now[figure]:.4f}, quoted {then[figure]:.4f}"
                    for figure in figures
                    if abs(now[figure] - then[figure]) > TOLERANCE
                )
