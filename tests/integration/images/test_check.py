# SPDX-License-Identifier: Apache-2.0
"""URLs, checked one after the other in what is told, and side by side in what is done."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from pydantic import SecretStr

from consumer.catalogue.photo import draw
from consumer.catalogue.products import make_products
from consumer.images.check import CheckedUrl, Verdict, _check_urls
from consumer.images.steps import StepKind
from consumer.settings import Egress, ImageSettings
from tests.integration.images.hosts import PRIVATE, Host, redirect, response, world
from tests.support.wait import until, wait_until
from tests.unit.images.drawn import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.integration.images.hosts import Answer, World

PHOTO = draw(make_products(1, seed=1)[0].photos[0])


async def checked(here: World, urls: Iterable[str]) -> list[CheckedUrl]:
    found: list[CheckedUrl] = []
    await _check_urls(urls, "acme", here.settings, found.append)
    return found


async def test_each_verdict_comes_with_its_steps() -> None:
    async with world(retries=0) as here:
        here.public.answers = {
            "/photo.jpg": [response(PHOTO, "Content-Type: image/jpeg")],
            "/photo.jpg?signature=secret": [response(PHOTO)],
            "/moved.jpg": [redirect("/photo.jpg?signature=secret")],
            "/inside.jpg": [redirect(f"http://{PRIVATE}:{here.private.port}/photo.jpg")],
            "/text.jpg": [response(b"<svg>", "Content-Type: image/svg+xml")],
        }
        names = ("photo", "moved", "inside", "text", "missing")

        photo, moved, inside, text, missing = await checked(here, [here.url(f"/{name}.jpg") for name in names])

        assert here.private.connections == 0
    assert [one.verdict for one in (photo, moved, inside, text, missing)] == [
        Verdict.OK,
        Verdict.OK,
        Verdict.REFUSED,
        Verdict.FAILED,
        Verdict.FAILED,
    ]
    assert [one.reason for one in (photo, inside, text, missing)] == [
        None,
        "blocked_address",
        "unsupported_format",
        "status_4xx",
    ]
    assert [(step.kind, step.outcome) for step in moved.steps[:2]] == [
        (StepKind.REQUEST, "302"),
        (StepKind.REQUEST, "200"),
    ]
    assert (moved.steps[-1].kind, moved.steps[-1].outcome) == (StepKind.DECODE, "JPEG 240x320")
    assert (inside.steps[-1].kind, inside.steps[-1].outcome) == (StepKind.REDIRECT, "blocked_address")
    assert [step.outcome for step in missing.steps] == ["404"]
    assert not any("secret" in step.target for step in moved.steps)


async def test_a_picture_that_moves_is_said_to() -> None:
    still, other = (Image.new("RGB", (240, 320), colour) for colour in ("red", "blue"))
    async with world(retries=0) as here:
        here.public.answers = {
            "/still.gif": [response(encoded(still, "GIF"))],
            "/film.gif": [response(encoded(still, "GIF", save_all=True, append_images=[other]))],
        }

        found = await checked(here, [here.url("/still.gif"), here.url("/film.gif")])

    assert [one.steps[-1].outcome for one in found] == ["GIF 240x320", "GIF 240x320, animated"]


async def test_they_are_told_in_the_order_given_however_long_each_takes() -> None:
    async with world(retries=0) as here:
        others_are_done = asyncio.Event()

        async def last(writer: asyncio.StreamWriter) -> None:
            await others_are_done.wait()
            writer.write(response(PHOTO))
            await writer.drain()

        quick = [f"/{number}.jpg" for number in range(5)]
        here.public.answers = {path: [response(PHOTO)] for path in quick}
        here.public.answers["/slow.jpg"] = [last]
        urls = [here.url(path) for path in ("/slow.jpg", *quick)]
        found: list[CheckedUrl] = []
        checking = asyncio.create_task(_check_urls(urls, "acme", here.settings, found.append))
        await until(lambda: len(here.public.requests) == len(urls))
        assert found == []
        others_are_done.set()
        await checking

    assert [one.url for one in found] == urls
    assert {one.verdict for one in found} == {Verdict.OK}


@pytest.mark.parametrize("in_flight", [1, 3])
async def test_no_more_urls_are_taken_on_than_may_run_at_a_time(in_flight: int) -> None:
    started = 0

    def numbered(here: World) -> Iterator[str]:
        nonlocal started
        for number in range(10):
            started += 1
            yield here.url(f"/{number}.jpg")

    async with world(retries=0, in_flight=in_flight) as here:
        here.public.answers = {f"/{number}.jpg": [response(PHOTO)] for number in range(10)}
        ahead: list[int] = []

        await _check_urls(numbered(here), "acme", here.settings, lambda _: ahead.append(started - len(ahead)))

    assert len(ahead) == 10
    assert max(ahead) == in_flight + 1  # the next one is known, and not begun


async def test_a_reader_who_takes_his_time_holds_no_fetch_up() -> None:
    async with world(retries=0) as here:
        loop, is_told = asyncio.get_running_loop(), asyncio.Event()

        async def later(writer: asyncio.StreamWriter) -> None:
            await is_told.wait()
            writer.write(redirect("/moved.jpg"))
            await writer.drain()

        def read_slowly(_: CheckedUrl) -> None:
            loop.call_soon_threadsafe(is_told.set)
            wait_until(lambda: "/moved.jpg" in here.public.paths(), 10, "the second URL's second hop")

        here.public.answers = {"/a.jpg": [response(PHOTO)], "/moved.jpg": [response(PHOTO)]}
        here.public.answers["/b.jpg"] = [later]
        await _check_urls([here.url("/a.jpg"), here.url("/b.jpg")], "acme", here.settings, read_slowly)


@pytest.mark.image_rule(15)
async def test_what_a_proxy_refuses_is_a_blocked_address_and_its_credentials_are_not_shown() -> None:
    proxy = Host()
    server = await proxy.start("127.0.0.1")
    refusal: list[Answer] = [response(b"denied by rule", status=407)]  # as Smokescreen says it
    proxy.answers = {"http://localhost/": refusal, "localhost:443": refusal, "http://cdn/a.jpg": [response(PHOTO)]}
    settings = ImageSettings(egress=Egress.PROXY, proxy_url=SecretStr(f"http://user:secret@127.0.0.1:{proxy.port}"))
    urls = ["http://cdn/a.jpg", "http://localhost/", "https://localhost/", "http://10.0.0.1/"]
    found: list[CheckedUrl] = []

    await _check_urls(urls, "acme", settings, found.append)

    assert [one.reason for one in found] == [None, *["blocked_address"] * 3]
    assert sorted(set(proxy.paths())) == ["http://cdn/a.jpg", "http://localhost/", "localhost:443"]
    assert not any("secret" in step.target + step.outcome for one in found for step in one.steps)
    server.close()
    await until(lambda: not proxy.open_connections)


async def test_a_reader_who_leaves_ends_what_runs() -> None:
    def refuse(_: CheckedUrl) -> None:
        raise BrokenPipeError

    async with world(retries=0) as here:
        here.public.answers = {"/a.jpg": [response(PHOTO)], "/silent.jpg": [None]}

        with pytest.raises(BrokenPipeError):
            await _check_urls([here.url("/a.jpg"), here.url("/silent.jpg")], "acme", here.settings, refuse)
