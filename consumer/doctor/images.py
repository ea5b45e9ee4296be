# SPDX-License-Identifier: Apache-2.0
"""What vendors' image URLs may reach: the rules that hold, and an attempt to break them that dials loopback only."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING

import PIL
import simplejpeg
from PIL import features
from yarl import URL

from consumer.doctor.finding import Finding, Status
from consumer.events import FetchReason
from consumer.images.fetched import Fetched, FetchFailed
from consumer.images.http import Fetcher
from consumer.images.memory import BodyMemory
from consumer.observability.metrics import Metrics
from consumer.settings import Egress

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from consumer.images.fetched import FetchResult
    from consumer.settings import ImageSettings

_ADDRESS, _NAME = "127.0.0.1", "localhost"
#: What all comes to where a proxy is not there, or wants other credentials.
_NOBODY_THERE = frozenset({FetchReason.CONNECT, FetchReason.DNS, FetchReason.TIMEOUT_CONNECT})


def try_egress(settings: ImageSettings) -> None:
    """Open what fetches images, and close it: nothing is dialled. Raises SettingsInvalid."""
    asyncio.run(_open_and_close(settings))


def check_images(settings: ImageSettings, timeout_s: float) -> Iterator[Finding]:
    """The rules, the decoders, the way out, and whether a private address is really refused on it."""
    yield _judge_private(settings)
    yield _judge_decoders(settings)
    if settings.proxy_url and settings.egress is Egress.PROXY:
        proxy = URL(settings.proxy_url.get_secret_value()).origin()  # the rest may hold credentials
        yield Finding("egress", Status.OK, f"proxy: {proxy} dials, and judges what names resolve to")
        yield asyncio.run(_try_proxy(settings, timeout_s))
        return
    found = "direct: every address is judged when it is dialled, and proxy variables are ignored"
    yield Finding("egress", Status.OK, found)
    yield asyncio.run(_try_private(settings, timeout_s))


async def _open_and_close(settings: ImageSettings) -> None:
    await (await Fetcher.open(settings, Metrics())).close()


def _judge_private(settings: ImageSettings) -> Finding:
    if not settings.allow_private:
        return Finding("private_images", Status.OK, "image URLs reach public addresses only")
    found = f"vendors' image URLs may reach {', '.join(settings.allow_private)}"
    advice = "unset HANGTAG_IMAGES__ALLOW_PRIVATE in production"
    return Finding("private_images", Status.WARNING, found, advice)


def _judge_decoders(settings: ImageSettings) -> Finding:
    refused = ", ".join(map(str, settings.refused_networks)) or "none of your own"
    libavif = features.version("avif")
    avif = f"libavif {libavif}" if settings.avif_bytes else "AVIF off"
    heic = f", pillow-heif {version('pillow-heif')}" if settings.heic else ""
    decoders = f"Pillow {PIL.__version__}, simplejpeg {simplejpeg.__version__}, {avif}{heic}"
    found = f"ports {', '.join(map(str, settings.ports))}; refused networks: {refused}; {decoders}"
    if settings.avif_bytes and libavif is None:
        advice = "install a Pillow with AVIF, or HANGTAG_IMAGES__AVIF_BYTES=0"
        return Finding("images", Status.WARNING, f"{found}: this Pillow cannot decode AVIF", advice)
    return Finding("images", Status.OK, found)


async def _try_proxy(settings: ImageSettings, timeout_s: float) -> Finding:
    """Ask the proxy for its own loopback, by a name that it resolves; with each scheme, for they are refused apart."""
    urls = [f"{scheme}://{_NAME}/" for scheme in settings.schemes]
    results = await _ask(settings, urls, (80, 443), timeout_s)
    answers = ", ".join(map(_answer, results))
    if all(map(_is_refused, results)):
        return Finding("image_egress", Status.OK, f"the proxy refuses to connect us to {_NAME}: {answers}")
    if {_outcome(result) for result in results} <= _NOBODY_THERE:
        advice = (
            "see whether it runs and takes the credentials in HANGTAG_IMAGES__PROXY_URL; 502 means that it has tried"
        )
        return Finding("image_egress", Status.FAILED, f"the proxy connects us to nobody: {answers}", advice)
    found = f"the proxy does not refuse {_NAME}, so it may reach what is private to it: {answers}"
    return Finding("image_egress", Status.FAILED, found, "let it refuse private addresses; docs/images.md names one")


def _is_refused(result: FetchResult) -> bool:
    """Whether the proxy said no: to the first request, for what a redirect names comes from behind it.

    A 403 to plain http may be the proxy's word or the host's; more than this cannot be told.
    """
    (*before, last) = result.steps
    is_forbidden = last.result == HTTPStatus.FORBIDDEN and URL(result.url).scheme == "http"
    return not before and (is_forbidden or _outcome(result) is FetchReason.BLOCKED_ADDRESS)


def _outcome(result: FetchResult) -> FetchReason | None:
    return result.reason if isinstance(result, FetchFailed) else None


def _answer(result: FetchResult) -> str:
    last = result.steps[-1]
    return f"{result.url} {_outcome(result) or 'fetched'} ({last.why or last.outcome})"


async def _try_private(settings: ImageSettings, timeout_s: float) -> Finding:
    """Ask the fetcher for a listener of our own, by its address and by a name that is judged when it is dialled."""
    arrived = 0

    async def count(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal arrived
        arrived += 1
        writer.close()

    server = await asyncio.start_server(count, sock=_listen(taken={entry.port for entry in settings.private_endpoints}))
    port = server.sockets[0].getsockname()[1]
    try:
        urls = [f"{settings.schemes[0]}://{host}:{port}/" for host in (_ADDRESS, _NAME)]
        results = await _ask(settings, urls, (port,), timeout_s)
    finally:
        server.close()
    return _verdict(results, arrived)


async def _ask(settings: ImageSettings, urls: list[str], ports: tuple[int, ...], timeout_s: float) -> list[FetchResult]:
    """By the real fetcher. Ports and host lists stand before the rule that is on trial, and step aside for it."""
    aside = {"ports": ports, "allowed_hosts": {}, "denied_hosts": {}, "fetch_timeout_s": timeout_s, "retries": 0}
    fetcher = await Fetcher.open(settings.model_copy(update=aside), Metrics())
    try:
        return [await fetcher.fetch(url, "", BodyMemory(settings.body_bytes).share()) for url in urls]
    finally:
        await fetcher.close()


def _listen(taken: Container[int]) -> socket.socket:
    """A listener on loopback, at a port that no exception of the operator names."""
    with ExitStack() as held:  # a port that is held is not given out again
        while True:
            listener = socket.create_server((_ADDRESS, 0))
            if listener.getsockname()[1] not in taken:
                return listener
            held.enter_context(listener)


def _is_not_found(result: FetchResult) -> bool:
    """Whether a name has no address, or none in time."""
    if isinstance(result, Fetched):
        return False
    is_too_late = result.reason in {FetchReason.TIMEOUT_CONNECT, FetchReason.TIMEOUT_TOTAL}
    return result.reason is FetchReason.DNS or (is_too_late and result.told is FetchReason.DNS)


def _verdict(results: list[FetchResult], arrived: int) -> Finding:
    refused = FetchReason.BLOCKED_ADDRESS
    by_address, by_name = map(_outcome, results)
    answers = f"{_ADDRESS}: {by_address or 'fetched'}, {_NAME}: {by_name or 'fetched'}"
    if not arrived and by_address == by_name == refused:
        return Finding("image_egress", Status.OK, f"{_ADDRESS} is refused, as such and behind the name {_NAME}")
    if not arrived and by_address == refused and _is_not_found(results[1]):
        return Finding("image_egress", Status.UNKNOWN, f"{_NAME} was not found, so nothing was dialled ({answers})")
    found = f"private addresses are not refused: {arrived} connections arrived ({answers})"
    return Finding("image_egress", Status.FAILED, found, "start no worker here, and report it as SECURITY.md says")
