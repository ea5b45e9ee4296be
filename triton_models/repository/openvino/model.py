# SPDX-License-Identifier: Apache-2.0
"""The CPU profile's step: an ONNX graph through OpenVINO in Triton's Python backend, the same file for every step.

Runs inside the server's stub process. What differs between steps stands in `config.pbtxt`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import triton_python_backend_utils as pb_utils

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Array = NDArray[np.generic]
    Tensors = Mapping[str, Array]


class TritonPythonModel:
    """Answers requests with the graph `model.onnx` beside this file."""

    def initialize(self, args: Mapping[str, str]) -> None:
        """Compile the graph. A failure makes the model, and so its ensembles, unavailable."""
        # Importing it sends an event to Google Analytics, unless this package is absent; so it is absent.
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # None makes its import fail
        import openvino

        config = json.loads(args["model_config"])
        self._inputs = [tensor["name"] for tensor in config["input"]]
        self._outputs = [tensor["name"] for tensor in config["output"]]
        self._merges_requests = config["max_batch_size"] > 0
        graph = openvino.Core().compile_model(
            Path(args["model_repository"]) / args["model_version"] / "model.onnx",
            "CPU",
            {
                # One thread per instance: instances are the parallelism, and their number is in the config.
                "INFERENCE_NUM_THREADS": 1,
                "NUM_STREAMS": 1,
                # Pinned, all single-thread instances of a machine land on the same core.
                "ENABLE_CPU_PINNING": False,
                # Left out, the CPU decides, and the same bundle answers differently on two machines.
                "INFERENCE_PRECISION_HINT": config["parameters"]["precision"]["string_value"],
            },
        )
        self._ports = [graph.output(name) for name in self._outputs]
        self._infer_request = graph.create_infer_request()

    def execute(self, requests: list[Any]) -> list[Any]:  # classes of the server, which ships no types
        """One response per request, in order. An error stays with its own request."""
        products = [self._read(request) for request in requests]
        faults = [mask_fault(product) for product in products]
        sound = [product for product, fault in zip(products, faults, strict=True) if fault is None]
        answers = iter(self._answer(sound))
        return [next(answers) if fault is None else _refusal(fault) for fault in faults]

    def _read(self, request: Any) -> Tensors:
        return {name: pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in self._inputs}

    def _answer(self, products: list[Tensors]) -> list[Any]:
        if not self._merges_requests:
            return [self._response(self._infer(product), slice(None)) for product in products]
        merged = {name: np.concatenate([product[name] for product in products]) for name in self._inputs}
        results = self._infer(merged)
        ends = np.cumsum([len(product[self._inputs[0]]) for product in products])
        return [self._response(results, slice(start, end)) for start, end in zip([0, *ends], ends, strict=False)]

    def _infer(self, tensors: Tensors) -> list[Array]:
        results = self._infer_request.infer(tensors, share_inputs=True, share_outputs=True)
        return [results[port] for port in self._ports]

    def _response(self, results: list[Array], rows: slice) -> Any:
        # Copies: the arrays belong to the infer request, which writes the next answer into them.
        named = zip(self._outputs, results, strict=True)
        return pb_utils.InferenceResponse([pb_utils.Tensor(name, result[rows].copy()) for name, result in named])


def mask_fault(product: Tensors) -> str | None:
    """What is wrong with the image mask, or None. A graph cannot refuse: it would answer with nonsense."""
    mask = product.get("image_mask")
    if mask is None:
        return None
    images = len(product["image_features"])
    if mask.shape != (images,):
        return f"image_mask has shape {list(mask.shape)}, but there are {images} images"
    if not mask.any():
        return "image_mask is all zero: at least one image must be real"
    return None


def _refusal(fault: str) -> Any:
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(fault, pb_utils.TritonError.INVALID_ARG))
