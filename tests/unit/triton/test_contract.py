# SPDX-License-Identifier: Apache-2.0
"""The contract check against a stub that serves the right bundle, and then not quite."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest

from consumer.errors import HangtagError, IncompatibleModels, Refused, TritonUnavailable
from consumer.settings import TritonSettings
from consumer.triton.client import TritonClient
from consumer.triton.contract import Contract
from consumer.triton.tensors import Ensemble
from tests.support.bundles import TinySpec, write_tiny_bundle
from tests.support.triton_stub import TritonStub, triton_stub
from triton_models.export.repository import build_repository

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.unit.triton.conftest import Served

Code = grpc.StatusCode


def with_contract(served: Served, test: Callable[[Contract, TritonStub], Awaitable[None]]) -> None:
    async def run() -> None:
        async with (
            triton_stub(served.folder, served.repository) as stub,
            TritonClient(TritonSettings(grpc=stub.address), served.bundle) as client,
        ):
            await test(Contract(client, served.bundle), stub)

    asyncio.run(run())


def test_the_right_bundle_passes_and_says_its_precision(served: Served) -> None:
    async def test(contract: Contract, stub: TritonStub) -> None:
        await contract.verify()
        assert contract.precision == "f32"
        # image_encoder has two instances: a dead one fails only every second call.
        assert stub.asked == [Ensemble.FUSED] * 2 + [Ensemble.IMAGE] * 2 + [Ensemble.TEXT]

    with_contract(served, test)


def _resize(stub: TritonStub) -> None:
    stub.configs["product_tagger"].output[0].dims[:] = [1, 99]


def _retype(stub: TritonStub) -> None:
    stub.configs["product_tagger_text"].input[0].data_type = stub.configs["product_tagger"].input[0].data_type


def _drop_output(stub: TritonStub) -> None:
    del stub.configs["product_tagger_image"].output[-1]


def _add_input(stub: TritonStub) -> None:
    stub.configs["product_tagger"].input.add(name="price", dims=[1])


def _parameter(name: str, value: str) -> Callable[[TritonStub], None]:
    def change(stub: TritonStub) -> None:
        stub.configs["product_tagger_image"].parameters[name].string_value = value

    return change


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (_resize, "product_tagger: outputs .* missing category FP32 .*unknown category FP32 .1, 99"),
        (_retype, "product_tagger_text: inputs"),
        (_drop_output, "product_tagger_image: outputs .* missing contribution"),
        (_add_input, "product_tagger: inputs .* unknown price"),
        (_parameter("bundle", "2"), "bundle is '2', but our bundle says '1'"),
        (_parameter("contract", "9"), "contract is '9'"),
        (_parameter("ontology", "v9"), "ontology is 'v9'"),
        (_parameter("preprocessing", "pixels/v9"), "preprocessing is 'pixels/v9'"),
        (_parameter("precision", "int4"), "no canary for precision 'int4'"),
    ],
)
def test_a_server_that_describes_something_else_is_incompatible(
    served: Served, change: Callable[[TritonStub], None], fault: str
) -> None:
    async def test(contract: Contract, stub: TritonStub) -> None:
        change(stub)
        with pytest.raises(IncompatibleModels, match=fault):
            await contract.verify()

    with_contract(served, test)


def test_other_weights_behind_the_same_description_fail_the_canary(served: Served, tmp_path: Path) -> None:
    other = write_tiny_bundle(tmp_path / "bundle", TinySpec(seed=8))
    build_repository(other, tmp_path / "repository", precision="f32")
    impostor = replace(served, folder=other, repository=tmp_path / "repository")

    async def test(contract: Contract, _stub: TritonStub) -> None:
        await contract.check_description()
        with pytest.raises(IncompatibleModels, match=r"the canary's answer is not that of bundle 1 in f32: .*cosine"):
            await contract.canary()

    with_contract(impostor, test)


@pytest.mark.parametrize(("delta", "passes"), [(0.019, True), (0.021, False)])
def test_probabilities_may_differ_by_two_hundredths(served: Served, delta: float, passes: bool) -> None:  # noqa: FBT001
    def spoil(response: Any) -> None:
        index = [output.name for output in response.outputs].index("color")
        values = np.frombuffer(response.raw_output_contents[index], np.float32).copy()
        values[0] += delta
        response.raw_output_contents[index] = values.tobytes()

    async def test(contract: Contract, stub: TritonStub) -> None:
        stub.spoil = spoil
        if passes:
            await contract.verify()
        else:
            with pytest.raises(IncompatibleModels, match=r"color is off by 0\.021"):
                await contract.verify()

    with_contract(served, test)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ((Code.UNAVAILABLE, "Socket closed"), TritonUnavailable),
        ((Code.INTERNAL, "Stub process 'x_0_0' is not healthy."), TritonUnavailable),
        ((Code.INTERNAL, "Failed to process the request(s) for model 'x'"), TritonUnavailable),
        ((Code.INVALID_ARGUMENT, "unexpected shape"), IncompatibleModels),
    ],
)
def test_a_canary_without_an_answer_is_judged_by_its_error(
    served: Served, fault: tuple[grpc.StatusCode, str], expected: type[HangtagError]
) -> None:
    async def test(contract: Contract, stub: TritonStub) -> None:
        stub.always = fault
        with pytest.raises(expected, match=r"canary|Socket|Stub"):
            await contract.verify()

    with_contract(served, test)


def test_every_second_call_failing_turns_the_canary_red(served: Served) -> None:
    async def test(contract: Contract, stub: TritonStub) -> None:
        await contract.verify()
        assert await contract.is_green()
        stub.faults.extend([None, (Code.INTERNAL, "Stub process 'image_encoder_0_1' is not healthy.")])
        assert not await contract.is_green()

    with_contract(served, test)


def test_callers_at_the_same_time_share_one_canary(served: Served) -> None:
    async def test(contract: Contract, stub: TritonStub) -> None:
        await contract.verify()
        stub.asked.clear()
        assert all(await asyncio.gather(*(contract.is_green() for _ in range(10))))
        assert len(stub.asked) == 5

    with_contract(served, test)


def test_a_missing_read_key_is_our_configuration(served: Served) -> None:
    async def test(contract: Contract, stub: TritonStub) -> None:
        stub.config_fault = (
            Code.UNAVAILABLE,
            "This protocol is restricted, expecting header 'triton-grpc-protocol-read'",
        )
        with pytest.raises(Refused, match=r"set triton\.read_key"):
            await contract.verify()

    with_contract(served, test)
