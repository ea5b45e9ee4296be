# SPDX-License-Identifier: Apache-2.0
"""What the real server itself catches, and what it does not: the reasons for the client's own checks."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tritonclient.grpc import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from consumer.bundle import load_bundle
from consumer.triton.canary import KnownAnswers
from consumer.triton.tensors import Ensemble
from tests.support.bundles import write_tiny_bundle
from tests.support.triton import require_triton, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.triton

SIDE = 32
ANSWER_LIMIT_S = 30


class HostileClient:
    """Asks past the client's checks, on one connection to a server of its own.

    Server 2.51 was seen to hang for good on a refused ensemble request (decision 6): once in a test run, and never in
    83,000 made to provoke it. These tests are about its answers, so a server that says nothing is replaced and asked
    once more.
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        self._bundle_folder = write_tiny_bundle(state / "bundle")
        self.manifest = load_bundle(self._bundle_folder).manifest
        self._running = ExitStack()
        self._start()

    def _start(self) -> None:
        triton = self._running.enter_context(serving(self._state, self._bundle_folder))
        self.server = self._running.enter_context(InferenceServerClient(triton.grpc))

    def close(self) -> None:
        self._running.close()

    def ask(self, change: dict[str, Any], *, version: str = "") -> Any:
        """One fused inference; a changed tensor that is None is left out."""
        tensors = dict(KnownAnswers(self.manifest).inputs(Ensemble.FUSED)) | change
        inputs = [
            InferInput(name, list(values.shape), np_to_triton_dtype(values.dtype)).set_data_from_numpy(values)
            for name, values in tensors.items()
            if values is not None
        ]
        try:
            return self._infer(inputs, version)
        except InferenceServerException as error:
            if error.status() != "StatusCode.DEADLINE_EXCEEDED":
                raise
        self.close()
        self._start()
        return self._infer(inputs, version)

    def _infer(self, inputs: list[InferInput], version: str) -> Any:
        return self.server.infer(Ensemble.FUSED.value, inputs, model_version=version, client_timeout=ANSWER_LIMIT_S)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileClient]:
    require_triton()
    client = HostileClient(tmp_path_factory.mktemp("hostile"))
    yield client
    client.close()


def images(count: int, *, views: int = 2) -> Any:
    return np.zeros((count, views, SIDE, SIDE, 3), np.uint8)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"images": images(9), "image_mask": np.ones(9, np.uint8)}, "batch-size must be <= 8 for 'image_encoder'"),
        ({"images": images(0), "image_mask": np.ones(0, np.uint8)}, "input byte size mismatch for input 'images'"),
        ({"images": images(2).astype(np.float32)}, "images"),
        ({"images": images(2, views=1)}, "images"),
        (
            {"input_ids": np.zeros((2, 16), np.int64), "attention_mask": np.ones((2, 16), np.int64)},
            "input_ids|attention_mask",
        ),
        ({"input_ids": np.zeros((1, 9), np.int64)}, "input_ids"),
        ({"attention_mask": None}, "attention_mask"),
        ({"image_mask": np.ones(1, np.uint8)}, r"image_mask has shape \[1\], but there are 2 images"),
        ({"image_mask": np.ones(3, np.uint8)}, r"image_mask has shape \[3\], but there are 2 images"),
        ({"image_mask": np.zeros(2, np.uint8)}, "image_mask is all zero"),
    ],
)
def test_a_malformed_request_is_refused_and_named(hostile: HostileClient, change: dict[str, Any], text: str) -> None:
    with pytest.raises(InferenceServerException, match=text) as caught:
        hostile.ask(change)
    assert caught.value.status() == "StatusCode.INVALID_ARGUMENT"


def test_a_version_that_is_not_served_is_not_found(hostile: HostileClient) -> None:
    with pytest.raises(InferenceServerException, match="version 7") as caught:
        hostile.ask({}, version="7")
    assert caught.value.status() == "StatusCode.NOT_FOUND"


def test_an_empty_text_mask_is_answered_with_nan(hostile: HostileClient) -> None:
    answer = hostile.ask({"attention_mask": np.zeros((1, 16), np.int64)})
    assert np.isnan(answer.as_numpy("category")).all()


def test_a_token_beyond_the_vocabulary_is_answered_with_plausible_numbers(hostile: HostileClient) -> None:
    answer = hostile.ask({"input_ids": np.full((1, 16), 99_999, np.int64)})
    assert answer.as_numpy("category").sum() == pytest.approx(1)


def test_a_refused_request_leaves_the_next_one_alone(hostile: HostileClient) -> None:
    with pytest.raises(InferenceServerException):
        hostile.ask({"image_mask": np.zeros(2, np.uint8)})
    assert np.isfinite(hostile.ask({}).as_numpy("category")).all()


def test_configs_are_kept_from_whoever_lacks_the_key(hostile: HostileClient) -> None:
    assert hostile.server.get_model_metadata(Ensemble.TEXT.value).name == Ensemble.TEXT
    for headers in ({}, {"triton-grpc-protocol-read": "wrong"}):
        with pytest.raises(InferenceServerException, match="protocol is restricted"):
            hostile.server.get_model_config(Ensemble.TEXT.value, headers=headers)
