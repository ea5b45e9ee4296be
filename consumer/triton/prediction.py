# SPDX-License-Identifier: Apache-2.0
"""An answer's tensors as a `Prediction`: here tensors end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from consumer.events import Opinion, Prediction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from consumer.bundle import Manifest, Task
    from consumer.triton.client import Answer
    from consumer.triton.tensors import Ensemble


def read_prediction(manifest: Manifest, ensemble: Ensemble, answer: Answer) -> Prediction:
    """What the answer says, task by task and image by image. A single-modality opinion is also that side's evidence."""
    has_view_types = ensemble.takes_images and bool(manifest.view_types)
    return Prediction(
        opinions={task.handle: _opinion(task, ensemble, answer) for task in manifest.tasks},
        embedding=_floats(answer.tensors["embedding"]),
        contributions=_floats(answer.tensors["contribution"]) if ensemble.takes_images else (),
        view_types=tuple(_floats(row) for row in answer.tensors["view_type"]) if has_view_types else (),
        model_versions={ensemble.value: answer.version},
    )


def probabilities(task: Task, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """A task's output as probabilities: as it is, or from logits where the manifest says so."""
    if task.output == "probability":
        return values
    if task.kind == "sigmoid":
        return np.asarray((1 + np.tanh(values / 2)) / 2, dtype=np.float32)
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), dtype=np.float32)


def _opinion(task: Task, ensemble: Ensemble, answer: Answer) -> Opinion:
    def of(tensor: str) -> tuple[float, ...]:
        return _floats(probabilities(task, answer.tensors[tensor]))

    used = of(task.handle)
    if ensemble.takes_images and ensemble.takes_text:
        return Opinion(used, image=of(f"{task.handle}.image"), text=of(f"{task.handle}.text"))
    return Opinion(used, image=used if ensemble.takes_images else None, text=used if ensemble.takes_text else None)


def _floats(values: NDArray[np.float32]) -> tuple[float, ...]:
    return tuple(values.ravel().tolist())
