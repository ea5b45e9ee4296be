# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.errors import IncompatibleModels
from consumer.events import Delivery, Finished
from consumer.kafka.chains import Chains, Done, Work
from consumer.kafka.event_loop import EventLoopThread
from consumer.kafka.progress import Progress
from tests.support.engine import Gate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.events import Outcome

FINISHED = Finished(())
LIMIT_S = 10


@pytest.fixture(scope="module")
def events() -> Iterator[EventLoopThread]:
    with EventLoopThread() as events:
        yield events


def work(progress: Progress, offset: int, key: bytes | None) -> Work:
    return Work(progress, Delivery("events", progress.partition, offset, key, b"", (), -1), 0)


class Client:
    """Something that must go."""


def fail(done: Done, _: Client) -> None:
    """As the owner thread does."""
    assert done.error is not None
    raise done.error


def test_an_error_that_ends_the_loop_holds_nothing_for_ever() -> None:
    client = Client()
    gone = weakref.ref(client)
    done = Done(work(Progress(0), 0, None), None, IncompatibleModels("no"))

    with pytest.raises(IncompatibleModels):
        fail(done, client)

    del client, done
    gc.collect()
    assert gone() is None


def take(chains: Chains, count: int) -> list[Done]:
    return [chains.finished.get(timeout=LIMIT_S) for _ in range(count)]


def is_idle(chains: Chains, events: EventLoopThread) -> bool:
    async def look() -> int:
        await asyncio.sleep(0)  # lets the chain that put the last result remove itself
        return chains.eligible_keys

    return events.run(look(), LIMIT_S) == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.integers(0, 3)), max_size=40), st.data())
def test_finished_offsets_of_a_key_are_a_prefix_of_its_seen_ones(
    events: EventLoopThread, plan: list[tuple[bytes, int]], data: st.DataObject
) -> None:
    async def handle(delivery: Delivery) -> Outcome:
        for _ in range(plan[delivery.offset][1]):  # so many turns of the event loop
            await asyncio.sleep(0)
        return FINISHED

    progress = Progress(0, 0)
    chains = Chains(handle, events)
    batch = [work(progress, offset, key) for offset, (key, _) in enumerate(plan)]
    cut = data.draw(st.integers(0, len(batch)))
    chains.submit(batch[:cut])
    chains.submit(batch[cut:])
    done = take(chains, len(batch))

    finished: dict[bytes | None, list[int]] = defaultdict(list)
    for each in done:
        finished[each.work.delivery.key].append(each.work.delivery.offset)
    for key, offsets in finished.items():
        assert offsets == [offset for offset, (other, _) in enumerate(plan) if other == key]
    assert is_idle(chains, events)


def test_a_slow_key_does_not_hold_up_another(events: EventLoopThread) -> None:
    gate = Gate()

    async def handle(delivery: Delivery) -> Outcome:
        if delivery.key == b"slow":
            await gate.passed()
        return FINISHED

    progress = Progress(0, 0)
    chains = Chains(handle, events)
    chains.submit([work(progress, 0, b"slow"), work(progress, 1, b"slow"), work(progress, 2, b"fast")])

    (first,) = take(chains, 1)
    assert first.work.delivery.key == b"fast"
    assert chains.eligible_keys >= 1
    gate.open()
    assert [done.work.delivery.offset for done in take(chains, 2)] == [0, 1]


def test_the_same_key_of_two_assignments_has_two_chains(events: EventLoopThread) -> None:
    gate = Gate()
    old, new = Progress(0, 0), Progress(0, 0)

    async def handle(delivery: Delivery) -> Outcome:
        if delivery.offset == 0:
            await gate.passed()
        return FINISHED

    chains = Chains(handle, events)
    chains.submit([work(old, 0, b"k"), work(new, 1, b"k")])

    (first,) = take(chains, 1)
    assert first.work.progress is new
    gate.open()
    take(chains, 1)


def test_events_without_a_key_wait_for_nobody(events: EventLoopThread) -> None:
    gate = Gate()

    async def handle(delivery: Delivery) -> Outcome:
        if delivery.offset == 0:
            await gate.passed()
        return FINISHED

    progress = Progress(0, 0)
    chains = Chains(handle, events)
    chains.submit([work(progress, 0, None), work(progress, 1, None)])

    (first,) = take(chains, 1)
    assert first.work.delivery.offset == 1
    gate.open()
    take(chains, 1)


def test_queued_work_of_a_closed_assignment_is_not_run(events: EventLoopThread) -> None:
    ran: list[int] = []
    gate = Gate()

    async def handle(delivery: Delivery) -> Outcome:
        ran.append(delivery.offset)
        await gate.passed()
        return FINISHED

    progress = Progress(0, 0)
    chains = Chains(handle, events)
    chains.submit([work(progress, 0, b"k"), work(progress, 1, b"k")])
    progress.close()
    gate.open()
    done = take(chains, 2)

    assert 1 not in ran
    assert done[1].outcome is None
    assert done[1].error is None


def test_an_error_reaches_the_owner_with_its_work(events: EventLoopThread) -> None:
    async def handle(_: Delivery) -> Outcome:
        raise IncompatibleModels("other labels")

    progress = Progress(0, 0)
    chains = Chains(handle, events)
    chains.submit([work(progress, 0, b"k")])

    (done,) = take(chains, 1)
    assert isinstance(done.error, IncompatibleModels)


def test_the_thread_cancels_what_runs_when_it_stops() -> None:
    cancelled = threading.Event()
    started = threading.Event()

    async def endless() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    tasks: list[asyncio.Future[None]] = []
    with EventLoopThread() as events:
        events.call(lambda: tasks.append(asyncio.ensure_future(endless())))
        assert started.wait(LIMIT_S)

    assert cancelled.is_set()


def test_a_coroutine_that_takes_too_long_is_cancelled(events: EventLoopThread) -> None:
    cancelled = threading.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(TimeoutError):
        events.run(endless(), 0.05)

    assert cancelled.wait(LIMIT_S)
