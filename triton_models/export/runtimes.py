# SPDX-License-Identifier: Apache-2.0
"""Runs a bundle's graphs without a server, composed as the three ensembles compose them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from consumer.triton.tensors import Ensemble
from triton_models.export.quiet_runtimes import load_onnxruntime, load_openvino

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

Tensors = dict[str, "NDArray[np.number[Any]]"]

IMAGE_ENCODER, IMAGE_POOL, TEXT_ENCODER = "image_encoder", "image_pool", "text_encoder"
FUSION_HEADS, FUSION_HEADS_IMAGE, FUSION_HEADS_TEXT = "fusion_heads", "fusion_heads_image", "fusion_heads_text"
GRAPHS = (IMAGE_ENCODER, IMAGE_POOL, TEXT_ENCODER, FUSION_HEADS, FUSION_HEADS_IMAGE, FUSION_HEADS_TEXT)
_HEADS = {Ensemble.FUSED: FUSION_HEADS, Ensemble.IMAGE: FUSION_HEADS_IMAGE, Ensemble.TEXT: FUSION_HEADS_TEXT}


class Runtime(Protocol):
    """Runs one graph of a bundle."""

    def __call__(self, graph: str, inputs: Mapping[str, NDArray[np.generic]]) -> Tensors:
        """All outputs by name."""
        ...


class OnnxRuntime:
    """The graphs in ONNX Runtime, in float32; each is loaded when it is first used."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sessions: dict[str, object] = {}

    def __call__(self, graph: str, inputs: Mapping[str, NDArray[np.generic]]) -> Tensors:
        """All outputs by name."""
        onnxruntime = load_onnxruntime()
        if graph not in self._sessions:
            options = onnxruntime.SessionOptions()
            # Spinning threads take the cores from whatever else runs beside a long computation.
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            path = str(self._folder / f"{graph}.onnx")
            self._sessions[graph] = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        session = self._sessions[graph]
        names = [output.name for output in session.get_outputs()]  # type: ignore[attr-defined]  # untyped package
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))  # type: ignore[attr-defined]


class OpenVino:
    """The graphs in OpenVINO on the CPU, in `f32` or `bf16`, as the served profile runs them."""

    def __init__(self, folder: Path, precision: str) -> None:
        self._folder = folder
        self._core = load_openvino().Core()
        self._precision = precision
        self._compiled: dict[str, object] = {}

    def __call__(self, graph: str, inputs: Mapping[str, NDArray[np.generic]]) -> Tensors:
        """All outputs by name."""
        if graph not in self._compiled:
            self._compiled[graph] = self._core.compile_model(
                str(self._folder / f"{graph}.onnx"), "CPU", {"INFERENCE_PRECISION_HINT": self._precision}
            )
        answers = self._compiled[graph](dict(inputs))  # type: ignore[operator]  # untyped package
        return {output.get_any_name(): np.array(value) for output, value in answers.items()}


def run_ensemble(run: Runtime, ensemble: Ensemble, inputs: Mapping[str, NDArray[np.generic]]) -> Tensors:
    """The outputs of one ensemble for one product, as the server would answer; `inputs` may hold more than it takes."""
    features: Tensors = {}
    answers: Tensors = {}
    if ensemble.takes_images:
        encoded = run(IMAGE_ENCODER, {"images": inputs["images"]})
        pooled = run(IMAGE_POOL, {"image_features": encoded["image_features"], "image_mask": inputs["image_mask"]})
        features["image_features"] = pooled["product_features"]
        answers = {"view_type": encoded["view_type"], "contribution": pooled["contribution"]}
    if ensemble.takes_text:
        tokens = {name: inputs[name] for name in ("input_ids", "attention_mask")}
        features |= run(TEXT_ENCODER, tokens)
    return answers | run(_HEADS[ensemble], features)
