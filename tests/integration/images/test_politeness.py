# SPDX-License-Identifier: Apache-2.0
"""What one host may cost, and what is owed to it."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from consumer.images.hosts import Hosts
from tests.integration.images.hosts import (
    BODY,
    IMAGE,
    PRIVATE,
    PUBLIC,
    SILENCE,
    World,
    redirect,
    response,
    then_close,
    when_told,
    world,
)
from tests.support.clock import Clock
from tests.support.wait import until


def by_the_clock(web: World) -> Clock:
    """Hosts are judged by this clock from now on."""
    clock = Clock()
    web.fetcher._hosts = Hosts(web.settings, clock)
    return clock


async def test_a_crowded_host_waits_and_leaves_room_for_others() -> None:
    running, most, go_on = 0, 0, asyncio.Event()

    async def slow(writer: asyncio.StreamWriter) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await go_on.wait()
        running -= 1
        writer.write(response(BODY, IMAGE))

    names = {"crowded.example": [PUBLIC], "other.example": [PUBLIC]}
    async with world(names=names, in_flight=16, in_flight_per_host=3) as web:
        web.public.answers = {"/slow": [slow], "/fast": [response(BODY, IMAGE)]}
        crowd = [asyncio.create_task(web.get(web.url("/slow", "crowded.example"))) for _ in range(12)]
        await until(lambda: running == 3)

        assert await web.get(web.url("/fast", "other.example")) == BODY
        go_on.set()
        assert await asyncio.gather(*crowd) == [BODY] * 12
        assert most == 3


@pytest.mark.parametrize("spelling", ["SHOP.example", "shop.example.", "Shop.Example."])
async def test_a_host_is_one_host_however_it_is_spelt(spelling: str) -> None:
    go_on = asyncio.Event()
    async with world(names={"shop.example": [PUBLIC], "shop.example.": [PUBLIC]}, in_flight_per_host=1) as web:
        web.public.answers["/a.jpg"] = [when_told(go_on, response(BODY, IMAGE))]
        first = asyncio.create_task(web.get(web.url("/a.jpg", "shop.example")))
        await until(lambda: len(web.public.requests) == 1)

        second = asyncio.create_task(web.get(web.url("/a.jpg", spelling)))
        await until(lambda: web.fetcher._hosts.waiting == 1)

        go_on.set()
        assert [await first, await second] == [BODY] * 2


async def test_silent_hosts_under_invented_names_leave_half_of_the_slots_to_known_ones() -> None:
    names = {"known.example": [PUBLIC], **{f"invented-{number}.example": [PUBLIC] for number in range(40)}}
    async with world(names=names, in_flight=8) as web:
        web.public.answers = {"/a.jpg": [response(BODY, IMAGE)], "/silent.jpg": [SILENCE]}
        assert await web.get(web.url("/a.jpg", "known.example")) == BODY
        silent = [
            asyncio.create_task(web.get(web.url("/silent.jpg", name))) for name in names if name != "known.example"
        ]
        await until(lambda: web.fetcher._hosts.in_flight == 2)  # and of that half one vendor has half

        for _ in range(10):
            assert await web.get(web.url("/a.jpg", "known.example")) == BODY
        web.public.answers["/new.jpg"] = [response(BODY, IMAGE)]
        assert await web.get(web.url("/new.jpg", "invented-1.example"), vendor_id="other") == BODY
        assert web.fetcher._hosts.in_flight == 2
        for task in silent:
            task.cancel()
        await asyncio.gather(*silent, return_exceptions=True)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_host_that_asks_for_a_short_rest_gets_it_and_is_asked_again(status: int) -> None:
    async with world(fetch_timeout_s=10) as web:
        started = time.monotonic()

        assert await web.fetch(response(b"", "Retry-After: 1", status=status), response(BODY, IMAGE)) == BODY
        assert time.monotonic() - started > 0.95
        assert len(web.public.requests) == 2


@pytest.mark.parametrize(
    "rest_until", [lambda: "30", lambda: "86400", lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=90))]
)
@pytest.mark.parametrize(("status", "reason"), [(429, "rate_limited"), (503, "status_5xx")])
async def test_a_host_that_asks_for_more_than_the_deadline_is_left_alone(
    status: int, reason: str, rest_until: type[str]
) -> None:
    names = {"tired.example": [PUBLIC], "other.example": [PUBLIC]}
    async with world(names=names, fetch_timeout_s=10) as web:
        web.public.answers["/a.jpg"] = [response(b"", f"Retry-After: {rest_until()}", status=status)]
        web.public.answers["/b.jpg"] = [response(BODY, IMAGE)]
        started = time.monotonic()

        assert await web.get(web.url("/a.jpg", "tired.example")) == reason
        assert await web.get(web.url("/b.jpg", "tired.example")) == "rate_limited"
        assert web.public.paths() == ["/a.jpg"]
        assert await web.get(web.url("/b.jpg", "other.example")) == BODY
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("nonsense", ["soon", "-5", "0", "1.5", "", "Sun, 22 Nov 1926 12:00:00 GMT"])
async def test_a_refusal_that_does_not_say_for_how_long_is_not_repeated_at_once(nonsense: str) -> None:
    async with world() as web:
        web.public.answers["/b.jpg"] = [response(BODY, IMAGE)]

        assert await web.fetch(response(b"", f"Retry-After: {nonsense}", status=429)) == "rate_limited"
        refused_s = time.monotonic()
        assert len(web.public.requests) == 1
        assert await web.get(web.url("/b.jpg")) == BODY
        assert time.monotonic() - refused_s > 0.9  # a fast refusal is not a fast host


async def test_when_its_rest_is_over_the_host_is_asked_again() -> None:
    async with world() as web:
        clock = by_the_clock(web)
        refusal = response(b"", "Retry-After: 100", status=429)
        assert await web.fetch(refusal, response(BODY, IMAGE)) == "rate_limited"

        clock.now_s += 99 - web.settings.fetch_timeout_s
        assert await web.get(web.url("/a.jpg")) == "rate_limited"
        clock.now_s += 2 + web.settings.fetch_timeout_s
        assert await web.get(web.url("/a.jpg")) == BODY


@pytest.mark.parametrize(
    ("failure", "reason"),
    [(response(status=500), "status_5xx"), (SILENCE, "timeout_read")],
    ids=["500", "silence"],
)
async def test_a_host_that_fails_is_left_alone_and_tried_by_one(failure: bytes | None, reason: str) -> None:
    async with world(retries=0, breaker_failures=5, breaker_first_s=30, read_timeout_s=0.2) as web:
        clock = by_the_clock(web)
        web.public.answers = {"/bad.jpg": [failure], "/a.jpg": [response(BODY, IMAGE)]}

        assert [await web.get(web.url("/bad.jpg")) for _ in range(5)] == [reason] * 5
        assert await web.get(web.url("/a.jpg")) == "circuit_open"
        assert len(web.public.requests) == 5
        clock.now_s += 31
        assert await web.get(web.url("/bad.jpg")) == reason  # the trial
        assert await web.get(web.url("/a.jpg")) == "circuit_open"
        clock.now_s += 31
        assert await web.get(web.url("/a.jpg")) == "circuit_open"  # the pause has doubled
        clock.now_s += 30
        assert await asyncio.gather(*(web.get(web.url("/a.jpg")) for _ in range(3))) == [BODY, *["circuit_open"] * 2]
        assert await web.get(web.url("/a.jpg")) == BODY
        assert web.fetcher._hosts.open == 0


async def test_a_host_that_nobody_can_connect_to_is_left_alone() -> None:
    closed = await asyncio.start_server(lambda *_: None, "127.0.0.4", 0)
    port = closed.sockets[0].getsockname()[1]
    closed.close()
    async with world(retries=0, allow_private=(f"127.0.0.4/32:{port}",)) as web:
        url = f"http://127.0.0.4:{port}/a.jpg"

        assert [await web.get(url) for _ in range(6)] == [*["connect"] * 5, "circuit_open"]


async def test_a_retry_counts_like_any_request() -> None:
    async with world(retries=1, breaker_failures=5) as web:
        web.public.answers["/a.jpg"] = [response(status=500)]

        assert [await web.get(web.url("/a.jpg")) for _ in range(4)] == [*["status_5xx"] * 3, "circuit_open"]
        assert len(web.public.requests) == 5


@pytest.mark.parametrize(
    "answer",
    [
        response(status=404),
        response(BODY, "Content-Type: text/html"),
        response(BODY, "Content-Encoding: br"),
        response(b"", IMAGE, length=1 << 40),
        then_close(response(BODY, IMAGE, length=99)),
    ],
    ids=["404", "a page", "brotli", "too large", "cut"],
)
async def test_a_host_that_answers_is_not_left_alone_for_what_it_answers(answer: bytes) -> None:
    async with world(retries=0) as web:
        assert len({await web.fetch(answer) for _ in range(10)}) == 1
        assert web.fetcher._hosts.open == 0


async def test_what_little_the_other_hops_left_over_is_no_fair_trial_of_the_last_one() -> None:
    async def late(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.5)
        writer.write(redirect(web.url("/silent.jpg", "last.example")))

    names = {"first.example": [PUBLIC], "last.example": [PUBLIC]}
    async with world(names, breaker_failures=1, fetch_timeout_s=1.5, read_timeout_s=1.2) as web:
        web.public.answers = {"/a.jpg": [late], "/silent.jpg": [SILENCE]}

        assert await web.get(web.url("/a.jpg", "first.example")) == "timeout_total"
        assert web.public.paths() == ["/a.jpg", "/silent.jpg"]
        assert web.fetcher._hosts.open == 0


async def test_what_our_policy_refuses_says_nothing_of_the_host() -> None:
    async with world(names={"private.example": [PRIVATE]}, retries=0) as web:
        url = web.url("/a.jpg", "private.example")

        assert [await web.get(url) for _ in range(10)] == ["blocked_address"] * 10
        assert web.fetcher._hosts.open == 0


async def test_the_crowd_at_a_host_that_is_given_up_is_told_at_once() -> None:
    async with world(retries=0, in_flight_per_host=2, breaker_failures=2) as web:
        go_on = asyncio.Event()
        web.public.answers["/a.jpg"] = [when_told(go_on, response(status=500))]
        crowd = [asyncio.create_task(web.get(web.url("/a.jpg"))) for _ in range(50)]
        await until(lambda: len(web.public.requests) == 2)

        go_on.set()

        outcomes = await asyncio.gather(*crowd)
        assert outcomes.count("circuit_open") >= 47
        assert set(outcomes) == {"circuit_open", "status_5xx"}


async def test_of_a_crowd_nobody_asks_a_host_that_has_asked_for_rest() -> None:
    async with world(in_flight_per_host=4) as web:
        web.public.answers["/a.jpg"] = [response(b"", "Retry-After: 600", status=429)]

        answers = await asyncio.gather(*(web.get(web.url("/a.jpg")) for _ in range(200)))

        assert answers == ["rate_limited"] * 200
        assert len(web.public.requests) <= 4


async def test_the_hosts_before_one_that_asks_for_a_long_rest_are_not_asked_again() -> None:
    async with world() as web:
        web.public.answers = {
            "/a.jpg": [redirect("/b.jpg")],
            "/b.jpg": [response(b"", "Retry-After: 600", status=429)],
        }

        assert await web.get(web.url("/a.jpg")) == "rate_limited"
        assert web.public.paths() == ["/a.jpg", "/b.jpg"]


async def test_a_vendor_whose_urls_fail_on_a_shared_host_loses_nobody_elses_pictures() -> None:
    async with world() as web:
        web.public.answers = {"/broken/1.jpg": [response(status=500)], "/fine/1.jpg": [response(BODY, IMAGE)]}
        web.public.answers["/greedy/1.jpg"] = [response(b"", "Retry-After: 86400", status=429)]
        for _ in range(4):
            await web.get(web.url("/broken/1.jpg"), vendor_id="careless")
        await web.get(web.url("/greedy/1.jpg"), vendor_id="hostile")

        assert await web.get(web.url("/broken/1.jpg"), vendor_id="careless") == "circuit_open"
        assert await web.get(web.url("/fine/1.jpg"), vendor_id="hostile") == "rate_limited"
        assert await web.get(web.url("/fine/1.jpg"), vendor_id="careful") == BODY
