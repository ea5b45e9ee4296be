# SPDX-License-Identifier: Apache-2.0
"""One request for a vetted URL -> its answer, and what that says of the host. Follows nothing, repeats nothing."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

import aiohttp
import structlog
from aiohttp import hdrs

from consumer import __version__
from consumer.events import FetchReason
from consumer.images.bodies import PARTIAL, Body, judge_head, judge_status, retry_after_s, whole_range
from consumer.images.deadlines import Deadlines
from consumer.images.dial import Dial, dials
from consumer.images.dialling import Connector
from consumer.images.failures import failure_of, proxy_reason
from consumer.images.hosts import Evidence

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver
    from yarl import URL

    from consumer.images.deadlines import Deadline
    from consumer.images.dialling import Judge
    from consumer.images.hosts import Visit
    from consumer.images.memory import Share
    from consumer.observability.metrics import Metrics
    from consumer.settings import ImageSettings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Redirect:
    """The host sends us elsewhere."""

    location: str


class Answer(NamedTuple):
    """What became of a request."""

    outcome: bytes | Redirect | FetchReason
    evidence: Evidence = Evidence.NONE
    """What it says of the host."""
    status: int | None = None
    """None without an answer."""
    retry_after_s: float | None = None
    dial: Dial | None = None
    """What the connector did; None without a request."""
    cause: str | None = None
    """More of a failure, for the operator; it may be a host's own words."""
    told: FetchReason | None = None
    """Instead of the reason, in the vendor's event."""

    @property
    def reason(self) -> FetchReason | None:
        """Why the image is lost, if it is."""
        return None if isinstance(self.outcome, (bytes, Redirect)) else self.outcome


_WITH_BODY = frozenset({HTTPStatus.OK.value, PARTIAL})
#: What `readchunk` says at the end of a body.
_END = (b"", False)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Exchange:
    """One client session for all hosts. Whoever made it closes it, in the same event loop."""

    def __init__(
        self, settings: ImageSettings, metrics: Metrics, judge: Judge, resolver: AbstractResolver, proxy: URL | None
    ) -> None:
        """Raises SettingsInvalid for authorities that cannot be read."""
        self._metrics = metrics.images
        self._proxy = proxy
        # No `*/*`: hosts that negotiate would answer with formats that we do not decode.
        avif = "image/avif, " if settings.avif_bytes else ""
        heic = ", image/heic" if settings.heic else ""
        self._session = aiohttp.ClientSession(
            connector=Connector(settings, judge, resolver),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(
                connect=settings.connect_timeout_s,
                sock_read=settings.read_timeout_s,
                ceil_threshold=math.inf,  # else 5.5 s may become 6
            ),
            headers={
                hdrs.USER_AGENT: f"hangtag/{__version__} (+{settings.contact})",
                hdrs.ACCEPT: f"{avif}image/webp, image/jpeg, image/png, image/gif{heic}",
                hdrs.ACCEPT_ENCODING: "identity",
            },
        )
        self._deadlines = Deadlines()
        self._max_body_bytes = settings.max_body_bytes

    async def close(self) -> None:
        """Close every connection. Requests that still run are cut off."""
        await self._session.close()

    async def ask(self, url: URL, share: Share, visit: Visit, limit_s: float) -> Answer:
        """The answer, or `timeout_total` after `limit_s` of the visit. Raises only what its task is cancelled with."""
        if self._session.closed:
            return Answer(FetchReason.CONNECT)
        dial = Dial()
        token = dials.set(dial)
        started = time.perf_counter()
        try:
            with self._deadlines.within(limit_s) as deadline:  # the client's own could not be put off
                async with self._session.get(url, allow_redirects=False, proxy=self._proxy) as response:
                    self._note(dial, time.perf_counter() - started)
                    if response.status not in _WITH_BODY:
                        return self._without_body(response, dial)
                    outcome = await self._read(response, share, visit, deadline)
                    cause = response.headers.get(hdrs.CONTENT_TYPE) if outcome is FetchReason.CONTENT_TYPE else None
                    return Answer(outcome, _evidence(outcome), response.status, None, dial, cause)
        except (aiohttp.ClientError, OSError) as error:
            return self._failure(url, error, dial)
        finally:
            dials.reset(token)

    def _note(self, dial: Dial, took_s: float) -> None:
        if dial.stands:
            self._metrics.connected(dial.dns_s, dial.connect_s - dial.dns_s)
        else:
            self._metrics.reused()
        self._metrics.answered(took_s - dial.connect_s)

    async def _read(
        self, response: aiohttp.ClientResponse, share: Share, visit: Visit, deadline: Deadline
    ) -> bytes | FetchReason:
        """Leaving early closes the connection: nothing is drained."""
        started = time.perf_counter()
        headers = response.headers
        body = Body(headers.getall(hdrs.CONTENT_ENCODING, ()), self._max_body_bytes)
        if refused := judge_head(response.status, headers, self._max_body_bytes) or body.judge_encoding():
            return refused
        # Not `readany`: it joins what came in crumbs. `iter_chunks` does the same in more steps.
        content = response.content
        while body.has_more or (piece := await content.readchunk()) != _END:
            if body.has_more:  # 10 MiB may come of a few packets, and others have a turn in between
                await asyncio.sleep(0)
            before = body.size_bytes
            if refused := body.feed(b"" if body.has_more else piece[0]):
                return refused
            is_within = share.add(body.size_bytes - before)
            if content.at_eof() and content.exception() is None and not body.has_more:
                break
            if not (is_within or await _room(share, visit, deadline)):
                return FetchReason.TIMEOUT_TOTAL
        self._metrics.body_took(time.perf_counter() - started)
        return body.finish(whole_range(headers) if response.status == PARTIAL else None)

    def _without_body(self, response: aiohttp.ClientResponse, dial: Dial) -> Answer:
        status, headers = response.status, response.headers
        # In a tunnel it would be the host's word.
        if self._proxy and response.url.scheme == "http" and status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            return Answer(proxy_reason(status, headers), Evidence.NONE, status, None, dial, "the proxy's own answer")
        if status in _REDIRECTS:
            return Answer(_redirect(headers.getall(hdrs.LOCATION, [])), Evidence.ALIVE, status, None, dial)
        reason = judge_status(status)
        evidence = Evidence.BAD if reason is FetchReason.STATUS_5XX else Evidence.ALIVE
        return Answer(reason, evidence, status, retry_after_s(headers, datetime.now(UTC)), dial)

    def _failure(self, url: URL, error: aiohttp.ClientError | OSError, dial: Dial) -> Answer:
        reason, evidence, cause = failure_of(error)
        if dial.refused:  # that is what counts; another address that failed otherwise still tells of the host
            reason, cause = min(dial.refused.values(), key=lambda word: word is FetchReason.PORT), None
        elif self._proxy and reason is FetchReason.TIMEOUT_CONNECT and not dial.stands:  # with the proxy
            evidence = Evidence.NONE
        log.debug("image_request_failed", host=url.raw_host, reason=reason.value, error=type(error).__name__)
        return Answer(reason, evidence, dial=dial, cause=cause)


def _evidence(outcome: bytes | FetchReason) -> Evidence:
    """What a body says of its host; one for which there was no room says nothing."""
    if isinstance(outcome, bytes):
        return Evidence.GOOD
    return Evidence.NONE if outcome is FetchReason.TIMEOUT_TOTAL else Evidence.ALIVE


async def _room(share: Share, visit: Visit, deadline: Deadline) -> bool:
    """Wait for memory; False when the deadline came first.

    Where it is held by what waits for us, time stands still for the image and for its host. Where hosts hold it, which
    may send much and then drip, it does not.
    """
    loop = asyncio.get_running_loop()
    left_s = deadline.when_s - loop.time()
    deadline.put_off()
    while not share.may_go_on:
        if share.waits_for_us:
            with visit.paused():
                await share.freed()
            continue
        started_s = loop.time()
        try:
            async with asyncio.timeout(left_s):
                await share.freed()
        except TimeoutError:
            return False
        waited_s = loop.time() - started_s
        visit.kept_waiting_s += waited_s
        left_s -= waited_s
    deadline.resume(loop.time() + left_s)
    return True


def _redirect(locations: list[str]) -> Redirect | FetchReason:
    """Where to; `status_other` for nowhere, and for two places at once."""
    return Redirect(locations[0]) if len(set(locations)) == 1 and locations[0] else FetchReason.STATUS_OTHER
