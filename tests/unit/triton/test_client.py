# SPDX-License-Identifier: Apache-2.0
"""The client against a stub of the server: every row of the error table, and every bad answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest

from consumer.errors import (
    DeadLetterReason,
    HangtagError,
    IncompatibleModels,
    ModelFailed,
    Refused,
    TritonUnavailable,
    Unprocessable,
)
from consumer.settings import TritonSettings
from consumer.triton.canary import KnownAnswers
from consumer.triton.client import TritonClient
from consumer.triton.failures import RequestRefused
from consumer.triton.tensors import MAX_IMAGES, Ensemble
from tests.support.bundles import answer_directly
from tests.support.triton_stub import TritonStub, triton_stub

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.unit.triton.conftest import Served

Code = grpc.StatusCode


def inputs_for(served: Served, ensemble: Ensemble) -> dict[str, Any]:
    return dict(KnownAnswers(served.bundle.manifest).inputs(ensemble))


def with_client(served: Served, test: Callable[[TritonClient, TritonStub], Awaitable[None]], **settings: Any) -> None:
    async def run() -> None:
        async with (
            triton_stub(served.folder, served.repository) as stub,
            TritonClient(TritonSettings(grpc=stub.address, **settings), served.bundle) as client,
        ):
            await test(client, stub)

    asyncio.run(run())


@pytest.mark.parametrize("ensemble", Ensemble)
def test_outputs_are_read_by_name_whatever_their_order(served: Served, ensemble: Ensemble) -> None:
    inputs = inputs_for(served, ensemble)

    async def test(client: TritonClient, _stub: TritonStub) -> None:
        answer = await client.infer(ensemble, inputs)
        direct = answer_directly(served.folder, ensemble, inputs)
        assert answer.version == "1"
        assert answer.tensors.keys() == direct.keys()
        for name, values in direct.items():
            np.testing.assert_array_equal(answer.tensors[name], values)

    with_client(served, test)


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (Code.UNAVAILABLE, "Socket closed", TritonUnavailable),
        (Code.UNAVAILABLE, "in ensemble 'product_tagger', Exceeds maximum queue size", TritonUnavailable),
        (Code.UNAVAILABLE, "Server is stopping, scheduler for model has stopped", TritonUnavailable),
        (Code.CANCELLED, "shutting down", TritonUnavailable),
        (Code.DEADLINE_EXCEEDED, "Deadline Exceeded", TritonUnavailable),
        (Code.RESOURCE_EXHAUSTED, "too much", TritonUnavailable),
        (Code.NOT_FOUND, "Request for unknown model: 'product_tagger' has no available versions", TritonUnavailable),
        (Code.INTERNAL, "Stub process 'fusion_heads_0_0' is not healthy.", TritonUnavailable),
        (
            Code.INTERNAL,
            "Failed to process the request(s) for model 'fusion_heads_0_0', message: KeyError",
            ModelFailed,
        ),
        (Code.INVALID_ARGUMENT, "inference request batch-size must be <= 8 for 'image_encoder'", RequestRefused),
        (Code.UNAVAILABLE, "This protocol is restricted, expecting header 'triton-grpc-protocol-x'", Refused),
        (Code.PERMISSION_DENIED, "RBAC: access denied", Refused),
        (Code.UNAUTHENTICATED, "no certificate", Refused),
        (Code.UNIMPLEMENTED, "Method not found!", Refused),
    ],
)
def test_a_failure_is_translated_into_the_class_that_says_what_to_do(
    served: Served, code: grpc.StatusCode, text: str, expected: type[HangtagError]
) -> None:
    async def test(client: TritonClient, stub: TritonStub) -> None:
        stub.always = (code, text)
        with pytest.raises(HangtagError) as caught:
            await client.infer(Ensemble.TEXT, inputs_for(served, Ensemble.TEXT))
        assert type(caught.value) is expected
        assert text in str(caught.value)

    with_client(served, test)


def test_a_server_that_is_not_there_is_unavailable(served: Served) -> None:
    async def run() -> None:
        async with triton_stub(served.folder, served.repository) as stub:
            address = stub.address
        async with TritonClient(TritonSettings(grpc=address), served.bundle) as client:
            with pytest.raises(TritonUnavailable, match="UNAVAILABLE"):
                await client.infer(Ensemble.TEXT, inputs_for(served, Ensemble.TEXT))

    asyncio.run(run())


def test_a_slow_answer_ends_at_the_deadline_in_seconds(served: Served) -> None:
    async def test(client: TritonClient, stub: TritonStub) -> None:
        stub.gate.clear()
        with pytest.raises(TritonUnavailable, match="DEADLINE_EXCEEDED"):
            await client.infer(Ensemble.TEXT, inputs_for(served, Ensemble.TEXT))

    with_client(served, test, request_timeout_s=0.2)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_answer_that_is_not_finite_is_no_answer(served: Served, value: float) -> None:
    def spoil(response: Any) -> None:
        _replace(response, "embedding", lambda values: np.where(values == values.max(), np.float32(value), values))

    async def test(client: TritonClient, stub: TritonStub) -> None:
        stub.spoil = spoil
        with pytest.raises(Unprocessable, match="embedding is not finite") as caught:
            await client.infer(Ensemble.TEXT, inputs_for(served, Ensemble.TEXT))
        assert caught.value.reason is DeadLetterReason.MODEL_OUTPUT_NOT_FINITE

    with_client(served, test)


def _replace(response: Any, name: str, change: Callable[[Any], Any]) -> None:
    index = [output.name for output in response.outputs].index(name)
    output = response.outputs[index]
    values = change(np.frombuffer(response.raw_output_contents[index], np.float32).reshape(output.shape))
    response.raw_output_contents[index] = values.tobytes()
    output.shape[:] = values.shape


def _drop(response: Any) -> None:
    del response.outputs[-1], response.raw_output_contents[-1]


def _empty(response: Any) -> None:
    response.raw_output_contents[0] = b""


def _retype(response: Any) -> None:
    response.outputs[0].datatype = "INT32"


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda response: _replace(response, "category", lambda v: v[:, :-1]), id="a class too few"),
        pytest.param(lambda response: _replace(response, "category", lambda v: v[0]), id="a dimension too few"),
        pytest.param(_drop, id="an output too few"),
        pytest.param(_empty, id="shape without bytes"),
        pytest.param(_retype, id="another type"),
    ],
)
def test_an_answer_of_another_shape_is_another_model(served: Served, spoil: Callable[[Any], None]) -> None:
    async def test(client: TritonClient, stub: TritonStub) -> None:
        stub.spoil = spoil
        with pytest.raises(IncompatibleModels, match="product_tagger_text"):
            await client.infer(Ensemble.TEXT, inputs_for(served, Ensemble.TEXT))

    with_client(served, test)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"images": np.zeros((0, 2, 32, 32, 3), np.uint8), "image_mask": np.zeros(0, np.uint8)}, "0 images"),
        (
            {
                "images": np.zeros((MAX_IMAGES + 1, 2, 32, 32, 3), np.uint8),
                "image_mask": np.ones(MAX_IMAGES + 1, np.uint8),
            },
            "9 images",
        ),
        ({"images": np.zeros((2, 2, 31, 32, 3), np.uint8)}, "images has shape"),
        ({"images": np.zeros((2, 1, 32, 32, 3), np.uint8)}, "images has shape"),
        ({"image_mask": np.ones(1, np.uint8)}, "image_mask has shape"),
        ({"image_mask": np.zeros(2, np.uint8)}, "image_mask is all zero"),
        ({"input_ids": np.zeros((1, 15), np.int64)}, "input_ids has shape"),
        ({"attention_mask": np.zeros((1, 16), np.int64)}, "attention_mask is all zero"),
        ({"input_ids": np.full((1, 16), 10_000, np.int64)}, "beyond the vocabulary"),
        ({"input_ids": np.full((1, 16), -1, np.int64)}, "beyond the vocabulary"),
    ],
)
def test_inputs_that_the_server_would_answer_with_nonsense_are_never_sent(
    served: Served, change: dict[str, Any], fault: str
) -> None:
    async def test(client: TritonClient, stub: TritonStub) -> None:
        with pytest.raises(ValueError, match=fault):
            await client.infer(Ensemble.FUSED, inputs_for(served, Ensemble.FUSED) | change)
        assert stub.asked == []

    with_client(served, test)


def test_no_more_images_are_under_way_than_admitted(served: Served) -> None:
    inputs = inputs_for(served, Ensemble.IMAGE)

    async def test(client: TritonClient, stub: TritonStub) -> None:
        stub.gate.clear()
        calls = [asyncio.create_task(client.infer(Ensemble.IMAGE, inputs)) for _ in range(5)]
        await stub.has_asked(2)
        # Two products of two images fill the room for five; nothing else may arrive while they wait.
        await client.metadata(Ensemble.IMAGE)
        assert len(stub.asked) == 2
        stub.gate.set()
        await asyncio.gather(*calls)
        assert len(stub.asked) == 5

    with_client(served, test, in_flight_images=5)


def test_the_answer_of_another_bundle_is_not_taken_for_ours(served: Served) -> None:
    async def test(client: TritonClient, stub: TritonStub) -> None:
        stub.version = "2"
        with pytest.raises(IncompatibleModels, match="bundle 2 answered, ours is 1"):
            await client.infer(Ensemble.TEXT, inputs_for(served, Ensemble.TEXT))

    with_client(served, test)


def test_a_canary_does_not_stand_in_line(served: Served) -> None:
    inputs = inputs_for(served, Ensemble.IMAGE)

    async def test(client: TritonClient, stub: TritonStub) -> None:
        stub.gate.clear()
        calls = [asyncio.create_task(client.infer(Ensemble.IMAGE, inputs)) for _ in range(5)]
        await stub.has_asked(1)
        calls.append(asyncio.create_task(client.infer_at_once(Ensemble.TEXT, inputs_for(served, Ensemble.TEXT))))
        await stub.has_asked(2)
        assert stub.asked == [Ensemble.IMAGE, Ensemble.TEXT]
        stub.gate.set()
        await asyncio.gather(*calls)

    with_client(served, test, in_flight_images=2)


def test_a_cancelled_call_gives_its_room_back(served: Served) -> None:
    inputs = inputs_for(served, Ensemble.IMAGE)

    async def test(client: TritonClient, stub: TritonStub) -> None:
        stub.gate.clear()
        call = asyncio.create_task(client.infer(Ensemble.IMAGE, inputs))
        await stub.has_asked(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        stub.gate.set()
        await client.infer(Ensemble.IMAGE, inputs)

    with_client(served, test, in_flight_images=2)


def test_the_read_key_travels_as_the_restricted_header(served: Served) -> None:
    async def test(client: TritonClient, stub: TritonStub) -> None:
        await client.config(Ensemble.FUSED)
        assert stub.headers["triton-grpc-protocol-read"] == "sesame"

    with_client(served, test, read_key="sesame")
