# SPDX-License-Identifier: Apache-2.0
"""The real server: what it answers, alone and in a mixed batch, is what the graphs answer when run directly."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from consumer.settings import TritonSettings
from consumer.triton.client import Answer, TritonClient
from consumer.triton.contract import Contract
from consumer.triton.tensors import MAX_IMAGES, Ensemble
from tests.support.bundles import VOCABULARY, answer_directly

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.bundle import Bundle
    from tests.support.triton import Triton

pytestmark = pytest.mark.triton

#: ONNX Runtime and OpenVINO add in different orders; both in float32.
TOLERANCE = 1e-5


def with_client(triton: Triton, bundle: Bundle, test: Callable[[TritonClient], Awaitable[None]]) -> None:
    async def run() -> None:
        settings = TritonSettings(grpc=triton.grpc, read_key=triton.read_key, in_flight_images=64)
        async with TritonClient(settings, bundle) as client:
            await test(client)

    asyncio.run(run())


def drawn_inputs(bundle: Bundle, ensemble: Ensemble, images: int, seed: int) -> dict[str, Any]:
    draw = np.random.default_rng(seed)
    side, length = bundle.manifest.side, bundle.manifest.text_length
    tensors: dict[str, Any] = {}
    if ensemble.takes_images:
        tensors["images"] = draw.integers(0, 256, (images, 2, side, side, 3), dtype=np.uint8)
        tensors["image_mask"] = np.ones(images, np.uint8)
    if ensemble.takes_text:
        tokens = int(draw.integers(1, length + 1))
        tensors["input_ids"] = draw.integers(0, len(VOCABULARY), (1, length), dtype=np.int64)
        tensors["attention_mask"] = (np.arange(length) < tokens).astype(np.int64)[np.newaxis]
    return tensors


def assert_is_direct_answer(triton: Triton, ensemble: Ensemble, inputs: dict[str, Any], answer: Answer) -> None:
    direct = answer_directly(triton.bundle, ensemble, inputs)
    assert answer.tensors.keys() == direct.keys()
    for name, values in direct.items():
        np.testing.assert_allclose(answer.tensors[name], values, atol=TOLERANCE, err_msg=name)


def test_the_contract_holds_and_the_canary_is_green(triton: Triton, bundle: Bundle) -> None:
    async def test(client: TritonClient) -> None:
        contract = Contract(client, bundle)
        await contract.verify()
        assert contract.precision in {"f32", "bf16"}
        assert await contract.is_green()

    with_client(triton, bundle, test)


@pytest.mark.parametrize("ensemble", Ensemble)
@pytest.mark.parametrize("images", range(1, MAX_IMAGES + 1))
def test_a_product_alone_gets_the_graphs_own_answer(
    triton: Triton, bundle: Bundle, ensemble: Ensemble, images: int
) -> None:
    inputs = drawn_inputs(bundle, ensemble, images, seed=images)

    async def test(client: TritonClient) -> None:
        assert_is_direct_answer(triton, ensemble, inputs, await client.infer(ensemble, inputs))

    with_client(triton, bundle, test)


def test_a_product_in_a_mixed_batch_gets_the_answer_that_it_gets_alone(triton: Triton, bundle: Bundle) -> None:
    products = [
        (ensemble, drawn_inputs(bundle, ensemble, 1 + seed % MAX_IMAGES, seed))
        for seed in range(60)
        for ensemble in Ensemble
    ]

    async def test(client: TritonClient) -> None:
        before = await executions(client, "image_encoder")
        answers = await asyncio.gather(*(client.infer(ensemble, inputs) for ensemble, inputs in products))
        for (ensemble, inputs), answer in zip(products, answers, strict=True):
            assert_is_direct_answer(triton, ensemble, inputs, answer)
        # 120 requests with images: fewer executions prove that some shared one.
        assert await executions(client, "image_encoder") - before < 120

    with_client(triton, bundle, test)


async def executions(client: TritonClient, model: str) -> int:
    statistics = await client._server.get_inference_statistics(model, headers=client._read_headers)
    return int(statistics.model_stats[0].execution_count)


def test_a_padding_image_changes_nothing(triton: Triton, bundle: Bundle) -> None:
    inputs = drawn_inputs(bundle, Ensemble.FUSED, 3, seed=5)
    padded = inputs | {"image_mask": np.array([1, 0, 1], np.uint8)}
    without = inputs | {"images": inputs["images"][[0, 2]], "image_mask": np.ones(2, np.uint8)}

    async def test(client: TritonClient) -> None:
        answer, same = await client.infer(Ensemble.FUSED, padded), await client.infer(Ensemble.FUSED, without)
        assert answer.tensors["contribution"][1] == 0
        for name in answer.tensors.keys() - {"view_type", "contribution"}:
            np.testing.assert_allclose(answer.tensors[name], same.tensors[name], atol=TOLERANCE)

    with_client(triton, bundle, test)


def test_the_answer_says_which_bundle_gave_it(triton: Triton, bundle: Bundle) -> None:
    async def test(client: TritonClient) -> None:
        answer = await client.infer(Ensemble.TEXT, drawn_inputs(bundle, Ensemble.TEXT, 0, seed=1))
        assert answer.version == str(bundle.manifest.bundle)

    with_client(triton, bundle, test)
