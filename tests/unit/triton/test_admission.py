# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

import pytest

from consumer.triton.admission import Admission
from tests.support.wait import settle


class Visit:
    """One request that holds its room until it is told to leave."""

    def __init__(self, admission: Admission, images: int) -> None:
        self.is_in = False
        self.leave = asyncio.Event()
        self.task = asyncio.create_task(self._run(admission, images))

    async def _run(self, admission: Admission, images: int) -> None:
        async with admission.admit(images):
            self.is_in = True
            await self.leave.wait()
        self.is_in = False


def test_requests_enter_in_order_while_their_images_fit() -> None:
    async def run() -> None:
        admission = Admission(5)
        first, second, third = Visit(admission, 3), Visit(admission, 3), Visit(admission, 1)
        await settle()

        assert (first.is_in, second.is_in, third.is_in) == (True, False, False)
        assert admission.images_in_flight == 3

        first.leave.set()
        await settle()

        assert (second.is_in, third.is_in) == (True, True)
        for visit in (second, third):
            visit.leave.set()
        await asyncio.gather(first.task, second.task, third.task)
        assert admission.images_in_flight == 0

    asyncio.run(run())


def test_a_request_above_the_limit_goes_alone_instead_of_never() -> None:
    async def run() -> None:
        admission = Admission(2)
        big, small = Visit(admission, 8), Visit(admission, 1)
        await settle()

        assert (big.is_in, small.is_in) == (True, False)
        big.leave.set()
        small.leave.set()
        await asyncio.gather(big.task, small.task)

    asyncio.run(run())


def test_a_cancelled_head_of_the_queue_lets_those_behind_it_in() -> None:
    async def run() -> None:
        admission = Admission(4)
        first, head, behind = Visit(admission, 3), Visit(admission, 4), Visit(admission, 1)
        await settle()
        assert not behind.is_in

        head.task.cancel()
        await settle()

        assert behind.is_in
        for visit in (first, behind):
            visit.leave.set()
        await asyncio.gather(first.task, behind.task)
        assert admission.images_in_flight == 0

    asyncio.run(run())


def test_being_cancelled_at_the_moment_of_entry_loses_no_room() -> None:
    async def run() -> None:
        admission = Admission(1)
        first, second = Visit(admission, 1), Visit(admission, 1)
        await settle()

        first.leave.set()
        await asyncio.wait({first.task})
        second.task.cancel()  # let in by the first's departure, but not yet awake
        await settle()

        assert second.task.cancelled()
        assert admission.images_in_flight == 0

    asyncio.run(run())


def test_an_error_inside_gives_the_room_back() -> None:
    async def run() -> None:
        admission = Admission(1)
        with pytest.raises(ZeroDivisionError):
            async with admission.admit(1):
                _ = 1 / 0
        assert admission.images_in_flight == 0

    asyncio.run(run())
