# SPDX-License-Identifier: Apache-2.0
"""Whether a bundle's folder is whole, and its graphs answer what the manifest says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from consumer.bundle import (
    EMBEDDING_COSINE,
    PROBABILITY_TOLERANCE,
    canary_inputs,
    load_bundle,
    read_manifest,
    sha256_of,
)
from consumer.triton.tensors import Ensemble
from triton_models.export.runtimes import GRAPHS, OpenVino, run_ensemble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from consumer.bundle import Bundle, Manifest

_REQUIRED = frozenset(
    {*(f"{graph}.onnx" for graph in GRAPHS), "vocabulary.txt", "thresholds.json", "training_ids.bin"}
    | {"model_card.md", "metrics.json"}
)


def find_faults(folder: Path) -> tuple[str, ...]:
    """Every fault in words; empty for a sound bundle. Raises IncompatibleModels when its small files do not parse.

    Files and hashes come first: the graphs run only when every byte is that of the manifest.
    """
    faults = tuple(_file_faults(folder, read_manifest(folder / "manifest.json")))
    return faults or tuple(_canary_faults(load_bundle(folder)))


def find_file_faults(bundle: Bundle) -> tuple[str, ...]:
    """Files that are missing, or not those of the manifest; without running a graph."""
    return tuple(_file_faults(bundle.folder, bundle.manifest))


def _file_faults(folder: Path, manifest: Manifest) -> Iterator[str]:
    hashes = {file.name: file.sha256 for file in manifest.files}
    for name in sorted(_REQUIRED - hashes.keys()):
        yield f"{name}: not in the manifest"
    for name, expected in sorted(hashes.items()):
        path = folder / name
        if not path.is_file():
            yield f"{name}: missing"
        elif sha256_of(path) != expected:
            yield f"{name}: its SHA-256 is not that of the manifest"


def _canary_faults(bundle: Bundle) -> Iterator[str]:
    inputs = canary_inputs(bundle.manifest)
    run = OpenVino(bundle.folder, "f32")
    expected = bundle.manifest.canary.expected.get("f32", {})
    for ensemble in Ensemble:
        answers = run_ensemble(run, ensemble, inputs)
        if missing := expected.get(ensemble, {}).keys() ^ answers.keys():
            yield f"canary of {ensemble}: the manifest and the graphs differ in {', '.join(sorted(missing))}"
            continue
        yield from _differences(ensemble, answers, expected[ensemble])


def _differences(
    ensemble: str, answers: Mapping[str, NDArray[np.generic]], expected: Mapping[str, Sequence[float]]
) -> Iterator[str]:
    for tensor, values in answers.items():
        answer, wanted = np.asarray(values, dtype=np.float64).ravel(), np.array(expected[tensor])
        if answer.shape != wanted.shape:
            yield f"canary of {ensemble}: {tensor} has {answer.size} numbers, the manifest {wanted.size}"
        elif tensor == "embedding":
            cosine = float(answer @ wanted / (np.linalg.norm(answer) * np.linalg.norm(wanted)))
            if not cosine >= EMBEDDING_COSINE:
                yield f"canary of {ensemble}: embedding has cosine {cosine:.4f} to the manifest's"
        elif not (difference := float(np.abs(answer - wanted).max())) <= PROBABILITY_TOLERANCE:
            yield f"canary of {ensemble}: {tensor} differs by {difference:.4f}"
