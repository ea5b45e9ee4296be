# SPDX-License-Identifier: Apache-2.0
"""A dead stub process, a dead server, another bundle: what the canary and the stage make of them."""

from __future__ import annotations

import asyncio
import shutil
import signal
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from consumer.bundle import load_bundle
from consumer.errors import DeadLetterReason, IncompatibleModels, TritonUnavailable, Unprocessable
from consumer.events import DecodedProduct, Delivery, EventType, FetchedProduct, ProductEvent
from consumer.observability.metrics import Metrics
from consumer.retry import Backoff, Breaker
from consumer.settings import TritonSettings
from consumer.stages.infer import Infer, Patience
from consumer.triton.canary import KnownAnswers
from consumer.triton.client import TritonClient
from consumer.triton.contract import Contract
from consumer.triton.tensors import Ensemble
from tests.support.bundles import TinySpec, write_tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from consumer.bundle import Bundle
    from consumer.local.starting import Starting
    from consumer.local.triton import TritonStatus
    from tests.support.triton import Triton

    Start = Callable[..., tuple[Triton, Starting[TritonStatus]]]

pytestmark = [pytest.mark.triton, pytest.mark.slow]


def settings(triton: Triton) -> TritonSettings:
    return TritonSettings(grpc=triton.grpc, read_key=triton.read_key)


def stubs_of(triton: Triton, instance: str) -> list[psutil.Process]:
    return [
        process
        for process in psutil.Process(triton.status.pid).children(recursive=True)
        if any(instance in argument for argument in process.cmdline())
    ]


def text_product(title: str = "red shirt") -> FetchedProduct:
    event = ProductEvent("e1", EventType.UPSERT, "acme", "1", 1, datetime(2026, 1, 1, tzinfo=UTC), title=title)
    return FetchedProduct(DecodedProduct(Delivery("t", 0, 0, b"acme:1", b"", (), 0), event), ())


def stage(client: TritonClient, contract: Contract, bundle: Bundle) -> Infer:
    patience = Patience(3, 60, Backoff(first_s=0.05, cap_s=0.2), Breaker(first_s=0.1, cap_s=0.2))
    return Infer(client, contract, bundle, patience, Metrics())


def refuse_token_seven(repository: Path) -> None:
    """Make the text encoder raise on one token, as a faulty graph might on one event."""
    version = repository / "text_encoder" / "1"
    shutil.rmtree(version / "__pycache__")
    with (version / "model.py").open("a") as program:
        program.write(
            "\n\nclass Faulty(TritonPythonModel):\n"
            "    def _infer(self, tensors):\n"
            "        if (tensors['input_ids'] == 7).any():\n"
            "            raise KeyError('seven')\n"
            "        return super()._infer(tensors)\n"
            "\n\nTritonPythonModel = Faulty\n"
        )


def test_an_event_on_which_a_model_raises_becomes_poison_and_the_others_go_on(start_triton: Start) -> None:
    triton, _ = start_triton(refuse_token_seven)
    bundle = load_bundle(triton.bundle)
    word = bundle.tokeniser.vocabulary[7]

    async def run() -> None:
        async with TritonClient(settings(triton), bundle) as client:
            contract = Contract(client, bundle)
            await contract.verify()
            infer = stage(client, contract, bundle)
            with pytest.raises(Unprocessable, match="KeyError: 'seven'") as caught:
                await infer(text_product(f"red {word}"))
            assert caught.value.reason is DeadLetterReason.POISON
            assert caught.value.attempts == 3
            assert (await infer(text_product("red shirt"))).prediction is not None

    asyncio.run(run())


def test_one_dead_instance_of_two_turns_the_canary_red_at_once(start_triton: Start) -> None:
    triton, _ = start_triton()
    bundle = load_bundle(triton.bundle)

    async def run() -> None:
        async with TritonClient(settings(triton), bundle) as client:
            contract = Contract(client, bundle)
            await contract.verify()
            [stub] = stubs_of(triton, "image_encoder_0_1")
            stub.send_signal(signal.SIGKILL)

            assert not await contract.is_green()
            with pytest.raises(TritonUnavailable, match="Stub process"):
                await contract.verify()
            # The server itself sees nothing wrong.
            assert await client._server.is_server_ready()
            assert await client._server.is_model_ready("image_encoder")
            # Products without images never meet the dead instance.
            inferred = await stage(client, contract, bundle)(text_product())
            assert inferred.prediction is not None

    asyncio.run(run())


def test_a_killed_server_is_waited_for_and_the_same_client_goes_on(start_triton: Start) -> None:
    triton, starting = start_triton()
    bundle = load_bundle(triton.bundle)

    async def run() -> None:
        async with TritonClient(settings(triton), bundle) as client:
            contract = Contract(client, bundle)
            await contract.verify()
            infer = stage(client, contract, bundle)
            assert (await infer(text_product())).prediction is not None

            psutil.Process(triton.status.pid).send_signal(signal.SIGKILL)
            await asyncio.to_thread(starting.stop)
            assert not await contract.is_green()
            waiting = asyncio.create_task(infer(text_product()))
            again, _ = await asyncio.to_thread(start_triton)

            assert again.grpc == triton.grpc
            assert (await asyncio.wait_for(waiting, 30)).prediction is not None
            assert await contract.is_green()

    asyncio.run(run())


def test_a_server_of_another_bundle_is_incompatible(triton: Triton, tmp_path: Path) -> None:
    async def verify(bundle: Bundle) -> None:
        async with TritonClient(settings(triton), bundle) as client:
            await Contract(client, bundle).verify()

    ours = load_bundle(triton.bundle)
    other_weights = load_bundle(write_tiny_bundle(tmp_path / "weights", TinySpec(seed=8)))
    other_number = replace(ours, manifest=replace(ours.manifest, bundle=2))
    other_length = load_bundle(write_tiny_bundle(tmp_path / "length", TinySpec(text_length=24)))

    faults: dict[str, Any] = {
        "the canary's answer is not that of bundle 1": other_weights,
        "bundle is '1', but our bundle says '2'": other_number,
        "inputs are not those of bundle 1": other_length,
    }
    for fault, bundle in faults.items():
        with pytest.raises(IncompatibleModels, match=fault):
            asyncio.run(verify(bundle))


def test_calls_under_way_when_the_server_dies_fail_as_an_outage(start_triton: Start) -> None:
    triton, _ = start_triton()
    bundle = load_bundle(triton.bundle)
    inputs = dict(KnownAnswers(bundle.manifest).inputs(Ensemble.FUSED))

    async def run() -> None:
        async with TritonClient(settings(triton), bundle) as client:
            await client.infer(Ensemble.FUSED, inputs)
            calls = [asyncio.create_task(client.infer(Ensemble.FUSED, inputs)) for _ in range(200)]
            await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            psutil.Process(triton.status.pid).send_signal(signal.SIGKILL)
            results = await asyncio.gather(*calls, return_exceptions=True)
            failed = [result for result in results if isinstance(result, BaseException)]
            assert failed
            assert {type(result) for result in failed} == {TritonUnavailable}

    asyncio.run(run())
