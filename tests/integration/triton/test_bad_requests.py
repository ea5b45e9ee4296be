# SPDX-License-Identifier: Apache-2.0
"""What the real server itself catches, and what it does not: the reasons for the client's own checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tritonclient.grpc import InferenceServerClient, InferInput
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from consumer.triton.canary import KnownAnswers
from consumer.triton.tensors import Ensemble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.bundle import Bundle
    from tests.support.triton import Triton

pytestmark = pytest.mark.triton

SIDE = 32


@pytest.fixture(scope="module")
def server(triton: Triton) -> Iterator[InferenceServerClient]:
    """One connection for all: server 2.51 can deadlock (a lock of the ensemble, a lock of the gRPC call) when a client
    hangs up on a refused ensemble request whose other steps still run.
    """
    with InferenceServerClient(triton.grpc) as client:
        yield client


def images(count: int, *, views: int = 2) -> Any:
    return np.zeros((count, views, SIDE, SIDE, 3), np.uint8)


def ask_unchecked(server: InferenceServerClient, bundle: Bundle, change: dict[str, Any], *, version: str = "") -> Any:
    """One fused inference past the client's checks; a changed tensor that is None is left out."""
    tensors = dict(KnownAnswers(bundle.manifest).inputs(Ensemble.FUSED)) | change
    inputs = [
        InferInput(name, list(values.shape), np_to_triton_dtype(values.dtype)).set_data_from_numpy(values)
        for name, values in tensors.items()
        if values is not None
    ]
    return server.infer(Ensemble.FUSED.value, inputs, model_version=version, client_timeout=30)


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
def test_a_malformed_request_is_refused_and_named(
    server: InferenceServerClient, bundle: Bundle, change: dict[str, Any], text: str
) -> None:
    with pytest.raises(InferenceServerException, match=text) as caught:
        ask_unchecked(server, bundle, change)
    assert caught.value.status() == "StatusCode.INVALID_ARGUMENT"


def test_a_version_that_is_not_served_is_not_found(server: InferenceServerClient, bundle: Bundle) -> None:
    with pytest.raises(InferenceServerException, match="version 7") as caught:
        ask_unchecked(server, bundle, {}, version="7")
    assert caught.value.status() == "StatusCode.NOT_FOUND"


def test_an_empty_text_mask_is_answered_with_nan(server: InferenceServerClient, bundle: Bundle) -> None:
    answer = ask_unchecked(server, bundle, {"attention_mask": np.zeros((1, 16), np.int64)})
    assert np.isnan(answer.as_numpy("category")).all()


def test_a_token_beyond_the_vocabulary_is_answered_with_plausible_numbers(
    server: InferenceServerClient, bundle: Bundle
) -> None:
    answer = ask_unchecked(server, bundle, {"input_ids": np.full((1, 16), 99_999, np.int64)})
    assert answer.as_numpy("category").sum() == pytest.approx(1)


def test_a_refused_request_leaves_the_next_one_alone(server: InferenceServerClient, bundle: Bundle) -> None:
    with pytest.raises(InferenceServerException):
        ask_unchecked(server, bundle, {"image_mask": np.zeros(2, np.uint8)})
    assert np.isfinite(ask_unchecked(server, bundle, {}).as_numpy("category")).all()


def test_configs_are_kept_from_whoever_lacks_the_key(server: InferenceServerClient) -> None:
    assert server.get_model_metadata(Ensemble.TEXT.value).name == Ensemble.TEXT
    for headers in ({}, {"triton-grpc-protocol-read": "wrong"}):
        with pytest.raises(InferenceServerException, match="protocol is restricted"):
            server.get_model_config(Ensemble.TEXT.value, headers=headers)
