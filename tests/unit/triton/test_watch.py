# SPDX-License-Identifier: Apache-2.0
"""The watch over a stub that comes late, falters, and then serves something else."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import grpc

from consumer.errors import IncompatibleModels
from consumer.retry import Backoff
from consumer.settings import TritonSettings
from consumer.triton.client import TritonClient
from consumer.triton.contract import Contract
from consumer.triton.watch import Watch
from tests.support.triton_stub import TritonStub, triton_stub
from tests.support.wait import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.unit.triton.conftest import Served

LIMIT_S = 20
PAUSE_S = 0.01
OUTAGE = (grpc.StatusCode.UNAVAILABLE, "not yet")


@asynccontextmanager
async def watching(served: Served) -> AsyncIterator[tuple[Watch, TritonStub]]:
    async with (
        triton_stub(served.folder, served.repository) as stub,
        TritonClient(TritonSettings(grpc=stub.address), served.bundle) as client,
    ):
        watch = Watch(Contract(client, served.bundle), Backoff(cap_s=PAUSE_S), interval_s=PAUSE_S)
        try:
            yield watch, stub
        finally:
            await watch.stop()


def test_it_waits_for_a_server_that_comes_late(served: Served) -> None:
    async def run() -> None:
        async with watching(served) as (watch, stub):
            stub.faults.extend([OUTAGE] * 3)
            assert watch.fault

            await asyncio.wait_for(watch.wait_until_ready(), LIMIT_S)

            assert watch.fault is None
            assert not stub.faults

    asyncio.run(run())


def test_a_red_canary_is_a_fault_until_it_is_green_again(served: Served) -> None:
    async def run() -> None:
        async with watching(served) as (watch, stub):
            await watch.wait_until_ready()
            watch.start(on_fatal=lambda: None)

            stub.always = OUTAGE
            await until(lambda: watch.fault)
            stub.always = None
            await until(lambda: watch.fault is None)

            assert watch.failure is None

    asyncio.run(run())


def test_other_answers_than_the_bundles_are_fatal(served: Served) -> None:
    called = []

    async def run() -> Watch:
        async with watching(served) as (watch, stub):
            await watch.wait_until_ready()
            watch.start(on_fatal=lambda: called.append(watch.failure))

            stub.spoil = _swap_halves
            await until(lambda: called)
            return watch

    watch = asyncio.run(run())

    assert isinstance(watch.failure, IncompatibleModels)
    assert called == [watch.failure]


def _swap_halves(response: object) -> None:
    """Right shapes and types, wrong numbers."""
    contents = response.raw_output_contents  # type: ignore[attr-defined]  # protobuf ships no types
    for number, raw in enumerate(contents):
        half = len(raw) // 8 * 4
        contents[number] = raw[half:] + raw[:half]
