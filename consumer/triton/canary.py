# SPDX-License-Identifier: Apache-2.0
"""The bundle's known questions, and whether an answer is the known one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from consumer.bundle import EMBEDDING_COSINE, PROBABILITY_TOLERANCE, canary_inputs
from consumer.errors import IncompatibleModels
from consumer.triton.prediction import probabilities
from consumer.triton.tensors import signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from consumer.bundle import Manifest
    from consumer.triton.client import Answer
    from consumer.triton.tensors import Ensemble


class KnownAnswers:
    """The canary of one manifest."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._inputs = canary_inputs(manifest)

    def inputs(self, ensemble: Ensemble) -> Mapping[str, NDArray[np.generic]]:
        """The tensors to ask this ensemble with."""
        return {tensor.name: self._inputs[tensor.name] for tensor in signature(self._manifest, ensemble).inputs}

    def compare(self, ensemble: Ensemble, precision: str, answer: Answer) -> None:
        """Raise IncompatibleModels unless the answer is the manifest's for this precision, within the tolerances.

        `contribution` is not compared: rounding decides which of two equal images wins a channel.
        """
        expected = {
            name: np.asarray(values, dtype=np.float32)
            for name, values in self._manifest.canary.expected[precision][ensemble].items()
        }
        faults = [self._embedding_fault(expected.pop("embedding"), answer)] if "embedding" in expected else []
        tasks = {f"{task.handle}{head}": task for task in self._manifest.tasks for head in ("", ".image", ".text")}
        for name in expected.keys() - {"contribution"}:
            got, wanted = answer.tensors[name].ravel(), expected[name]
            if name in tasks:
                got, wanted = probabilities(tasks[name], got), probabilities(tasks[name], wanted)
            if (difference := float(np.abs(got - wanted).max())) > PROBABILITY_TOLERANCE:
                faults.append(f"{name} is off by {difference:.3f}")
        if any(faults):
            raise IncompatibleModels(
                f"{ensemble}: the canary's answer is not that of bundle {self._manifest.bundle} in {precision}: "
                + ", ".join(sorted(filter(None, faults)))
            )

    @staticmethod
    def _embedding_fault(wanted: NDArray[np.float32], answer: Answer) -> str:
        got = answer.tensors["embedding"].ravel()
        cosine = float(got @ wanted / (np.linalg.norm(got) * np.linalg.norm(wanted)))
        return "" if cosine >= EMBEDDING_COSINE else f"embedding has cosine {cosine:.4f}"
