# SPDX-License-Identifier: Apache-2.0
"""A URL from a vendor -> the bytes of a picture within all limits, or the reason why not. Never raises for an image."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import structlog
from aiohttp import hdrs

from consumer import __version__
from consumer.errors import SettingsInvalid
from consumer.events import FetchReason
from consumer.images.bodies import Body, judge_head, judge_status
from consumer.images.dialling import ThreadResolver, make_connector, refusals
from consumer.images.slots import Slots
from consumer.images.urls import UrlPolicy, host_key
from consumer.retry import Backoff
from consumer.settings import Egress

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver
    from yarl import URL

    from consumer.images.vendor_hosts import VendorHosts
    from consumer.observability.metrics import Metrics
    from consumer.settings import ImageSettings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body that came whole: not empty, within the cap, and nothing more is known of it."""

    url: str
    body: bytes


@dataclass(frozen=True, slots=True)
class FetchFailed:
    """Why there is no body. What was found where belongs to our log, not to the vendor's event."""

    url: str
    reason: FetchReason


FetchResult = Fetched | FetchFailed


@dataclass(frozen=True, slots=True)
class _Redirect:
    location: str


_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: One retry finds most of what comes back at all; asking a third time buys about one percent.
_RETRIED = frozenset(
    {
        FetchReason.DNS,
        FetchReason.TIMEOUT_CONNECT,
        FetchReason.TIMEOUT_READ,
        FetchReason.CONNECT,
        FetchReason.INCOMPLETE,
        FetchReason.STATUS_5XX,
    }
)
_BACKOFF = Backoff(first_s=0.5)
#: No `*/*`: hosts that negotiate would answer with formats that we do not decode.
_ACCEPT = "image/jpeg, image/png, image/webp, image/gif"


class Fetcher:
    """One client for all images, in the event loop that opened it; whoever opened it closes it there."""

    def __init__(self, settings: ImageSettings, metrics: Metrics, resolver: AbstractResolver) -> None:
        self._settings = settings
        self._metrics = metrics
        self._resolver = resolver
        self._policy = UrlPolicy.of(settings)
        self._slots = Slots(settings.in_flight, settings.in_flight_per_host)
        self._session = aiohttp.ClientSession(
            connector=make_connector(settings, self._policy.addresses, resolver),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            headers={
                hdrs.USER_AGENT: f"hangtag/{__version__} (+{settings.contact})",
                hdrs.ACCEPT: _ACCEPT,
                hdrs.ACCEPT_ENCODING: "identity",
            },
            timeout=aiohttp.ClientTimeout(
                total=None, connect=settings.connect_timeout_s, sock_read=settings.read_timeout_s
            ),
        )

    @classmethod
    async def open(
        cls, settings: ImageSettings, metrics: Metrics, *, resolver: AbstractResolver | None = None
    ) -> Fetcher:
        """A ready fetcher; it takes over `resolver`. Raises SettingsInvalid for an egress that it cannot guard."""
        if settings.egress is Egress.PROXY:
            raise SettingsInvalid(
                "settings are wrong:\n  images.egress: proxy is not supported by this version; set direct, which "
                "judges every address itself, and let the network's own rules forbid the rest"
            )
        return cls(settings, metrics, resolver or ThreadResolver(settings.in_flight))

    async def close(self) -> None:
        """Close every connection and the resolver. Fetches that still run are cut off."""
        await self._session.close()
        await self._resolver.close()

    async def fetch(self, url: str) -> FetchResult:
        """The body behind a URL, at the latest after `fetch_timeout_s`, waits for a slot and the retry included."""
        started = time.monotonic()
        body = await self._fetch(url)
        outcome = body.value if isinstance(body, FetchReason) else "ok"
        self._metrics.image_fetched(outcome, time.monotonic() - started)
        return FetchFailed(url, body) if isinstance(body, FetchReason) else Fetched(url, body)

    async def _fetch(self, text: str) -> bytes | FetchReason:
        hosts = self._policy.hosts_of("")
        url = self._policy.vet(text, hosts)
        if isinstance(url, FetchReason):
            return url
        try:
            async with asyncio.timeout(self._settings.fetch_timeout_s):
                body = await self._follow(url, hosts)
                if isinstance(body, FetchReason) and body in _RETRIED:
                    await asyncio.sleep(_BACKOFF.wait_s(0))
                    body = await self._follow(url, hosts)
                return body
        except TimeoutError:
            return FetchReason.TIMEOUT_TOTAL

    async def _follow(self, url: URL, hosts: VendorHosts) -> bytes | FetchReason:
        for _ in range(self._settings.max_redirects + 1):
            answer = await self._request(url)
            if not isinstance(answer, _Redirect):
                return answer
            target = self._policy.follow(url, answer.location, hosts)
            if isinstance(target, FetchReason):
                return target
            url = target
        return FetchReason.REDIRECT_LIMIT

    async def _request(self, url: URL) -> bytes | FetchReason | _Redirect:
        refused: list[FetchReason] = []
        token = refusals.set(refused)
        try:
            async with self._slots.hold(host_key(url)), self._session.get(url, allow_redirects=False) as response:
                return await self._read(response)
        except (aiohttp.ClientError, OSError) as error:
            reason = min(refused, default=_reason_of(error), key=lambda word: word is FetchReason.PORT)
            log.debug("image_request_failed", host=url.raw_host, reason=reason.value, error=type(error).__name__)
            return reason
        finally:
            refusals.reset(token)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes | FetchReason | _Redirect:
        """Leaving early closes the connection: nothing is drained."""
        if response.status in _REDIRECTS:
            location = response.headers.get(hdrs.LOCATION)
            return _Redirect(location) if location else FetchReason.STATUS_OTHER
        max_bytes = self._settings.max_body_bytes
        body = Body(response.headers.getall(hdrs.CONTENT_ENCODING, []), max_bytes)
        refused = judge_status(response.status) or judge_head(response.headers, max_bytes) or body.judge_encoding()
        if refused:
            return refused
        async for chunk in response.content.iter_any():
            if refused := body.feed(chunk):
                return refused
        return body.finish()


def _reason_of(error: aiohttp.ClientError | OSError) -> FetchReason:
    match error:
        case aiohttp.ConnectionTimeoutError():
            return FetchReason.TIMEOUT_CONNECT
        case aiohttp.ServerTimeoutError():
            return FetchReason.TIMEOUT_READ
        case aiohttp.ClientConnectorDNSError():
            return FetchReason.DNS
        case aiohttp.InvalidURL():
            return FetchReason.INVALID_URL
        case aiohttp.ClientPayloadError() | aiohttp.ServerDisconnectedError() | aiohttp.ClientResponseError():
            return FetchReason.INCOMPLETE
    return FetchReason.CONNECT
