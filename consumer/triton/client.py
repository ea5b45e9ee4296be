# SPDX-License-Identifier: Apache-2.0
"""Asks Triton for a product's answer over gRPC: checked tensors in, checked tensors out, our errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from tritonclient.grpc import InferInput
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from consumer.errors import DeadLetterReason, IncompatibleModels, Unprocessable
from consumer.triton.admission import Admission
from consumer.triton.failures import failure
from consumer.triton.tensors import MAX_IMAGES, Ensemble, Signature, signature

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping
    from typing import Self

    from numpy.typing import NDArray
    from tritonclient.grpc import InferResult

    from consumer.bundle import Bundle
    from consumer.settings import TritonSettings

    Array = NDArray[np.generic]

#: `channel_args` replaces all of tritonclient's own options, so the message sizes must be repeated.
_CHANNEL = [
    ("grpc.max_send_message_length", 2**31 - 1),
    ("grpc.max_receive_message_length", 2**31 - 1),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # gRPC waits up to 120 s before it dials again; we have a breaker of our own for that.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
]


@dataclass(frozen=True, slots=True)
class Answer:
    """One ensemble's answer: all outputs, finite, of the contract's shapes."""

    version: str
    """Version of the ensemble that answered: its bundle's number."""
    tensors: Mapping[str, NDArray[np.float32]]


class TritonClient:
    """One connection to one server, for the event loop that it is made in. Close it there."""

    def __init__(self, settings: TritonSettings, bundle: Bundle) -> None:
        self._timeout_s = settings.request_timeout_s
        self._bundle = str(bundle.manifest.bundle)
        self._vocabulary_size = len(bundle.tokeniser.vocabulary)
        self._signatures = {ensemble: signature(bundle.manifest, ensemble) for ensemble in Ensemble}
        key = settings.read_key.get_secret_value() if settings.read_key else None
        self._read_headers = {"triton-grpc-protocol-read": key} if key else {}
        self._admission = Admission(settings.in_flight_images)
        self._server = InferenceServerClient(settings.grpc, channel_args=_CHANNEL)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Give up the connection; calls that are under way fail."""
        await self._server.close()

    async def infer(self, ensemble: Ensemble, tensors: Mapping[str, Array]) -> Answer:
        """The ensemble's answer for one product, once its images are admitted. Raises as `infer_at_once` does."""
        async with self._admission.admit(max(1, len(tensors.get("images", ())))):
            return await self.infer_at_once(ensemble, tensors)

    async def infer_at_once(self, ensemble: Ensemble, tensors: Mapping[str, Array]) -> Answer:
        """The same without waiting for admission: a canary behind a long line would say nothing about the server.

        Raises TritonUnavailable, ModelFailed, Unprocessable for an answer that is not finite, IncompatibleModels for
        one of another bundle or not of the contract; ValueError for inputs that are not.
        """
        expected = self._signatures[ensemble]
        images = len(tensors["images"]) if ensemble.takes_images else 0
        _check_inputs(expected, tensors, images, self._vocabulary_size)
        inputs = [
            InferInput(tensor.name, list(tensors[tensor.name].shape), tensor.datatype).set_data_from_numpy(
                tensors[tensor.name]
            )
            for tensor in expected.inputs
        ]
        result = await _answered(self._server.infer(ensemble.value, inputs, client_timeout=self._timeout_s), ensemble)
        version = result.get_response().model_version
        if version != self._bundle:
            # Of the right shapes even so: it would be published under our bundle's number and thresholds.
            raise IncompatibleModels(f"{ensemble}: bundle {version} answered, ours is {self._bundle}")
        return Answer(version, _read_outputs(ensemble, expected, result, images))

    async def metadata(self, model: str) -> Any:  # protobuf ships no types
        """`ModelMetadataResponse`: names, types and shapes. Raises TritonUnavailable while it is not loaded."""
        return await _answered(
            self._server.get_model_metadata(model, client_timeout=self._timeout_s), f"metadata of {model}"
        )

    async def config(self, model: str) -> Any:  # protobuf ships no types
        """`ModelConfig`. Raises Refused when the server wants a read key that we do not hold."""
        answered = await _answered(
            self._server.get_model_config(model, headers=self._read_headers, client_timeout=self._timeout_s),
            f"config of {model}",
        )
        return answered.config


async def _answered(call: Awaitable[Any], asked: str) -> Any:  # tritonclient ships no types
    try:
        return await call
    except InferenceServerException as error:
        raise failure(error, asked) from error


def _check_inputs(expected: Signature, tensors: Mapping[str, Array], images: int, vocabulary_size: int) -> None:
    """What the server would answer with nonsense, or not at all, is a mistake on our side. Raises ValueError."""
    for tensor in expected.inputs:
        shape = tensors[tensor.name].shape
        if shape != tensor.shape_for(images):
            raise ValueError(f"{tensor.name} has shape {shape}, not {tensor.shape_for(images)}")
    if "image_mask" in tensors and not 1 <= images <= MAX_IMAGES:
        raise ValueError(f"{images} images; a request carries 1 to {MAX_IMAGES}")
    for mask in ("image_mask", "attention_mask"):
        if mask in tensors and not tensors[mask].any():
            raise ValueError(f"{mask} is all zero")
    ids = np.asarray(tensors.get("input_ids", 0), dtype=np.int64)
    if not ((ids >= 0) & (ids < vocabulary_size)).all():
        raise ValueError(f"input_ids go beyond the vocabulary of {vocabulary_size}")


def _read_outputs(
    ensemble: Ensemble, expected: Signature, result: InferResult, images: int
) -> dict[str, NDArray[np.float32]]:
    outputs = {}
    for tensor in expected.outputs:
        try:
            # By name: outputs come back in no fixed order.
            values = result.as_numpy(tensor.name)
        except ValueError as error:  # fewer bytes than the shape says
            raise IncompatibleModels(f"{ensemble}: {tensor.name}: {error}") from error
        if values is None or values.dtype != np.float32 or values.shape != tensor.shape_for(images):
            got = "nothing" if values is None else f"{values.dtype} {values.shape}"
            raise IncompatibleModels(f"{ensemble}: {tensor.name} is {got}, not float32 {tensor.shape_for(images)}")
        if not np.isfinite(values).all():
            raise Unprocessable(DeadLetterReason.MODEL_OUTPUT_NOT_FINITE, f"{ensemble}: {tensor.name} is not finite")
        outputs[tensor.name] = values
    return outputs
