# SPDX-License-Identifier: Apache-2.0
"""A URL from a vendor -> the bytes of a picture within all limits, or the reason why not. Never raises for an image."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from yarl import URL

from consumer.errors import SettingsInvalid
from consumer.events import FetchReason
from consumer.images.dialling import judge, make_resolver
from consumer.images.exchange import Answer, Exchange, Redirect
from consumer.images.hosts import Evidence, Hosts, Place, Visit
from consumer.images.steps import Step, StepKind, shown
from consumer.images.urls import UrlPolicy, host_key
from consumer.retry import Backoff
from consumer.settings import Egress

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

    from consumer.images.addresses import Address
    from consumer.images.memory import Share
    from consumer.images.vendor_hosts import VendorHosts
    from consumer.observability.metrics import Metrics
    from consumer.settings import ImageSettings


log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body that came whole: not empty, within the cap, and nothing more is known of it."""

    url: str
    body: bytes
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class FetchFailed:
    """Why there is no body. What was found where belongs to our log, not to the vendor's event."""

    url: str
    reason: FetchReason
    steps: tuple[Step, ...] = ()


FetchResult = Fetched | FetchFailed

#: What may come out otherwise when it is asked for again; a 429 too, once its Retry-After is over.
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
#: Statuses that may come with a Retry-After.
_TOO_MANY = HTTPStatus.TOO_MANY_REQUESTS.value
_RESTING = frozenset({_TOO_MANY, HTTPStatus.SERVICE_UNAVAILABLE.value})
_NO_ANSWER = Answer(FetchReason.CONNECT)
#: After a 429 that does not say for how long: a fast refusal is not a fast host.
_PAUSE_UNASKED_S = 1.0


@dataclass(slots=True)
class _Journey:
    """One image on its way over all hops."""

    vendor_id: str
    first: URL
    hosts: VendorHosts
    share: Share
    left_s: float
    """Of the deadline. Time in a queue of ours does not count: it says nothing of the image."""
    steps: list[Step] = field(default_factory=list)

    def told(self, url: URL, answer: Answer, took_s: float = 0.0) -> Answer:
        """The answer, noted."""
        result = answer.status or answer.reason or ""
        self.steps.append(Step(StepKind.REQUEST, url, result, took_s, answer.address))
        return answer

    async def rest(self, pause_s: float) -> bool:
        """Wait for so long; False, at once, when the deadline comes before."""
        if pause_s >= self.left_s:
            return False
        self.left_s -= pause_s
        await asyncio.sleep(pause_s)
        return True


class Fetcher:
    """One client for all images, in the event loop that opened it; whoever opened it closes it there."""

    def __init__(self, settings: ImageSettings, metrics: Metrics, resolver: AbstractResolver) -> None:
        """Raises SettingsInvalid for an egress that it cannot guard, and for authorities that cannot be read."""
        self._settings = settings
        self._metrics = metrics
        self._resolver = resolver
        self._policy = UrlPolicy.of(settings)
        self._hosts = Hosts(settings)
        proxy = _proxy(settings)
        # A proxy is the one thing that is dialled then, and it judges the addresses behind it.
        judge_address = partial(judge, self._policy.addresses) if proxy is None else _anything
        self._exchange = Exchange(settings, metrics, judge_address, resolver, proxy)
        metrics.images.watch(self._hosts)

    @classmethod
    async def open(
        cls, settings: ImageSettings, metrics: Metrics, *, resolver: AbstractResolver | None = None
    ) -> Fetcher:
        """A ready fetcher; it takes over `resolver`. Raises SettingsInvalid as the constructor does."""
        return cls(settings, metrics, resolver or make_resolver(settings))

    async def close(self) -> None:
        """Close every connection and the resolver. Fetches that still run are cut off."""
        await self._exchange.close()
        await self._resolver.close()

    async def fetch(self, url: str, vendor_id: str, share: Share) -> FetchResult:
        """The body behind a vendor's URL, booked on `share`.

        At the latest after `fetch_timeout_s`, retries included; time in the queue of a crowded host comes on top.
        """
        hosts = self._policy.hosts_of(vendor_id)
        first = self._policy.vet(url, hosts)
        if not isinstance(first, URL):
            return self._lost(url, vendor_id, first, ())
        journey = _Journey(vendor_id, first, hosts, share, self._settings.fetch_timeout_s)
        outcome = await self._with_retries(journey)
        if isinstance(outcome, bytes):
            self._metrics.images.fetched()
            return Fetched(url, outcome, tuple(journey.steps))
        return self._lost(url, vendor_id, outcome, tuple(journey.steps))

    def _lost(self, url: str, vendor_id: str, reason: FetchReason, steps: tuple[Step, ...]) -> FetchFailed:
        self._metrics.images.lost(reason.value, is_refusal=reason.is_refusal)
        if reason is FetchReason.BLOCKED_ADDRESS:
            # For the operator alone: where the way ended, and at which address if not at one that the URL names.
            target, address = (steps[-1].target, steps[-1].address) if steps else (shown(url), None)
            log.warning("image_address_refused", vendor_id=vendor_id, url=shown(url), target=target, address=address)
        return FetchFailed(url, reason, steps)

    async def _with_retries(self, journey: _Journey) -> bytes | FetchReason:
        answer = await self._follow(journey)
        for attempt in range(self._settings.retries):
            if answer.reason is None or not await self._may_ask_again(journey, answer, attempt):
                break
            journey.steps.append(Step(StepKind.RETRY, journey.first, answer.reason))
            again = await self._follow(journey)
            if again.reason is not FetchReason.CIRCUIT_OPEN:  # else the first answer says more
                answer = again
        assert not isinstance(answer.outcome, Redirect)
        return answer.outcome

    async def _may_ask_again(self, journey: _Journey, answer: Answer, attempt: int) -> bool:
        """Whether it is worth it; returns when the time has come. The host's queue waits for a Retry-After."""
        if answer.reason is FetchReason.RATE_LIMITED:
            return answer.retry_after_s is not None
        return answer.reason in _RETRIED and await journey.rest(_BACKOFF.wait_s(attempt))

    async def _follow(self, journey: _Journey) -> Answer:
        journey.share.empty()
        url = journey.first
        for _ in range(self._settings.max_redirects + 1):
            answer = await self._hop(journey, url)
            if not isinstance(answer.outcome, Redirect):
                return answer
            target = self._policy.follow(url, answer.outcome.location, journey.hosts)
            if isinstance(target, FetchReason):
                journey.steps.append(Step(StepKind.REDIRECT, answer.outcome.location, target))
                return Answer(target)
            url = target
        return Answer(FetchReason.REDIRECT_LIMIT)

    async def _hop(self, journey: _Journey, url: URL) -> Answer:
        if journey.left_s <= 0:  # 0 would be no limit at all to the client
            return journey.told(url, Answer(FetchReason.TIMEOUT_TOTAL))
        visit = await self._hosts.enter(Place(journey.vendor_id, host_key(url)))
        if not isinstance(visit, Visit):
            return journey.told(url, Answer(visit))
        answer, evidence = _NO_ANSWER, Evidence.NONE
        given_s, started = journey.left_s, time.monotonic()
        try:
            answer = await self._exchange.ask(url, journey.share, given_s)
            # What little the other hops left over was no fair trial.
            fair_s = min(self._settings.read_timeout_s, self._settings.fetch_timeout_s)
            if given_s >= fair_s or answer.reason is not FetchReason.TIMEOUT_TOTAL:
                evidence = answer.evidence
        finally:
            self._hosts.leave(visit, evidence, _rest_s(answer))
        took_s = time.monotonic() - started
        journey.left_s = max(0.0, given_s - took_s)
        return journey.told(url, answer, took_s)


def _rest_s(answer: Answer) -> float | None:
    """For how long the host wants to be left alone."""
    if answer.status not in _RESTING:
        return None
    return _PAUSE_UNASKED_S if answer.retry_after_s is None and answer.status == _TOO_MANY else answer.retry_after_s


def _proxy(settings: ImageSettings) -> URL | None:
    """Where requests go first; None for a direct way."""
    if settings.egress is Egress.DIRECT:
        return None
    try:
        proxy = URL(settings.proxy_url.get_secret_value()) if settings.proxy_url else URL()
    except ValueError:
        proxy = URL()
    if proxy.scheme not in {"http", "https"} or not proxy.host:
        raise SettingsInvalid(
            "settings are wrong:\n  images.proxy_url: images.egress = proxy needs the proxy's address, for example "
            "http://proxy.example.org:4750"
        )
    return proxy


def _anything(_address: Address, _port: int) -> None:
    """Nothing is refused."""
