# SPDX-License-Identifier: Apache-2.0
"""`run.json` of a bundle: what it was made from, with which numbers, in what time, and what was chosen on the way."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consumer.bundle import sha256_of
from triton_models.training.fingerprint import fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.bundle import Head
    from triton_models.training.corpus import Corpus
    from triton_models.training.examples import Examples
    from triton_models.training.fuse import Heads
    from triton_models.training.recipe import Recipe
    from triton_models.training.shown import Inputs

RUN_MANIFEST = "run.json"


@dataclass(frozen=True, slots=True)
class Shown:
    """The validation split as the heads see it."""

    sets: Mapping[Head, Examples]
    shipped: Examples
    """Titles through the text graph as it is shipped, with narrower weights."""
    hollow: Mapping[Inputs, Examples]
    """Products with both, their titles changed so that they give no answer away."""


def describe_inputs(image_weights: Path | None, text_model: Path, corpus: Corpus) -> dict[str, Any]:
    """Hashes of everything that was learnt from, the commit of the code, and the CPU cores of this machine."""
    return {
        "commit": _commit(),
        "cores": len(os.sched_getaffinity(0)),
        "data": fingerprint(sorted((product.key, product.title, dict(product.labels)) for product in corpus.products)),
        "photos": fingerprint(sorted(corpus.photo_hashes.values())),
        "split": fingerprint(
            {str(split): [corpus.products[row].key for row in rows] for split, rows in corpus.splits.items()}
        ),
        "weights": {
            "image": sha256_of(image_weights) if image_weights else None,
            "text": sha256_of(text_model / "model.safetensors"),
        },
    }


def write_run_manifest(out: Path, recipe: Recipe, inputs: Mapping[str, Any], **rest: Any) -> None:
    """Write `run.json`. `rest`: cost, what validation and calibration decided, and the figures they decided by."""
    tree = {"recipe": asdict(recipe), **inputs, **rest}
    (out / RUN_MANIFEST).write_text(json.dumps(tree, indent=1) + "\n", encoding="utf-8")


def validation_accuracies(heads: Heads, shown: Shown) -> dict[str, dict[str, float | None]]:
    """By task, shares of right answers on the validation split: what was looked at while choosing."""
    accuracies = {}
    for handle, fused in heads.fused.items():
        photo_alone = fused.by_photo()
        accuracies[handle] = {
            "image": shown.sets["image"].accuracy(handle, fused.image),
            "text": shown.sets["text"].accuracy(handle, fused.text),
            "text_int8": shown.shipped.accuracy(handle, fused.text),
            "fused": shown.sets["fused"].accuracy(handle, fused),
        }
        for inputs, titles in shown.hollow.items():
            accuracies[handle][f"fused, {inputs}"] = titles.accuracy(handle, fused)
            accuracies[handle][f"image, {inputs}"] = titles.accuracy(handle, photo_alone)
    return accuracies


def _commit() -> str | None:
    """The commit that the code is at, with `-dirty` behind it where files were changed; None outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()  # noqa: S603  # fixed
    except (OSError, subprocess.CalledProcessError):
        return None
