# SPDX-License-Identifier: Apache-2.0
"""A URL from a vendor -> the bytes of a picture within all limits, or the reason why not. Never raises for an image."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from yarl import URL

from consumer.errors import SettingsInvalid
from consumer.events import FetchReason
from consumer.images.dialling import judge
from consumer.images.exchange import Answer, Exchange, Redirect
from consumer.images.fetched import Fetched, FetchFailed, public_reason, refusal_in, warn_of_address
from consumer.images.hosts import Evidence, Hosts, Visit
from consumer.images.resolving import make_resolver
from consumer.images.steps import Step, StepKind
from consumer.images.urls import UrlPolicy, host_key
from consumer.retry import Backoff
from consumer.settings import Egress

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

    from consumer.images.addresses import Address
    from consumer.images.fetched import FetchResult
    from consumer.images.memory import Share
    from consumer.images.vendor_hosts import VendorHosts
    from consumer.observability.metrics import Metrics
    from consumer.settings import ImageSettings


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

    def noted(self, url: URL, answer: Answer, took_s: float = 0.0) -> Answer:
        """The same answer."""
        address = None
        if dial := answer.dial:
            address = dial.address
            for refused, reason in dial.refused.items():
                self.steps.append(Step(StepKind.REFUSED, url, reason, 0.0, refused))
        result = answer.status or answer.reason or ""
        self.steps.append(Step(StepKind.REQUEST, url, result, took_s, address, answer.cause))
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
        self._fair_s = min(settings.read_timeout_s, settings.fetch_timeout_s)
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
        resolver = resolver or make_resolver(settings)
        try:
            return cls(settings, metrics, resolver)
        except SettingsInvalid:
            await resolver.close()
            raise

    async def close(self) -> None:
        """Close every connection and the resolver. Fetches that still run are cut off."""
        await self._exchange.close()
        await self._resolver.close()

    async def fetch(self, url: str, vendor_id: str, share: Share) -> FetchResult:
        """The body behind a vendor's URL, booked on `share`.

        At the latest after `fetch_timeout_s`, retries included; time in the queue of a crowded host, and for memory
        that is held by what waits for its decode, comes on top.
        """
        hosts = self._policy.hosts_of(vendor_id)
        first = self._policy.vet(url, hosts)
        result: FetchResult
        if isinstance(first, URL):
            journey = _Journey(vendor_id, first, hosts, share, self._settings.fetch_timeout_s)
            answer = await self._follow(journey)
            if not isinstance(answer.outcome, bytes):
                answer = await self._retry(journey, answer)
            result = _result(url, journey, answer)
        else:
            result = FetchFailed(url, first)
        self._metrics.images.tried(result.reason.value if isinstance(result, FetchFailed) else None)
        if refusal := refusal_in(result):
            self._metrics.images.refused(refusal.value)
            warn_of_address(result, vendor_id)
        return result

    async def _retry(self, journey: _Journey, answer: Answer) -> Answer:
        """What came of asking again, as often as it is worth it."""
        for attempt in range(self._settings.retries):
            if answer.reason is None or not await self._may_ask_again(journey, answer, attempt):
                break
            journey.steps.append(Step(StepKind.RETRY, journey.first, answer.reason))
            again = await self._follow(journey)
            if again.outcome is not FetchReason.CIRCUIT_OPEN:  # else the first one says more
                answer = again
        return answer

    async def _may_ask_again(self, journey: _Journey, answer: Answer, attempt: int) -> bool:
        """Whether it is worth it; returns when the time has come. The host's queue waits for a Retry-After."""
        if answer.retry_after_s is not None and answer.retry_after_s > self._settings.fetch_timeout_s:
            return False
        if answer.outcome is FetchReason.RATE_LIMITED:
            return answer.retry_after_s is not None
        # By what the vendor hears: its own host, asked again or not, would tell it the rest.
        return (answer.told or answer.outcome) in _RETRIED and await journey.rest(_BACKOFF.wait_s(attempt))

    async def _follow(self, journey: _Journey) -> Answer:
        """What the last hop brought: no redirect."""
        journey.share.empty()
        url = journey.first
        for _ in range(self._settings.max_redirects + 1):
            answer = await self._hop(journey, url)
            if isinstance(answer.outcome, bytes):
                return answer
            if not isinstance(answer.outcome, Redirect):
                return answer._replace(told=public_reason(answer, url))
            target = self._policy.follow(url, answer.outcome.location, journey.hosts)
            if isinstance(target, FetchReason):
                journey.steps.append(Step(StepKind.REDIRECT, answer.outcome.location, target))
                return Answer(target)
            url = target
        return Answer(FetchReason.REDIRECT_LIMIT)

    async def _hop(self, journey: _Journey, url: URL) -> Answer:
        if journey.left_s <= 0:
            return journey.noted(url, Answer(FetchReason.TIMEOUT_TOTAL))
        visit = await self._hosts.enter((journey.vendor_id, host_key(url)), journey.share)
        if not isinstance(visit, Visit):
            return journey.noted(url, Answer(visit))
        answer, evidence = _NO_ANSWER, Evidence.NONE
        given_s = journey.left_s
        try:
            answer = await self._exchange.ask(url, journey.share, visit, given_s)
            # What little the other hops left over, or a wait for memory, was no fair trial.
            if given_s - visit.kept_waiting_s >= self._fair_s or answer.reason is not FetchReason.TIMEOUT_TOTAL:
                evidence = answer.evidence
        finally:
            self._hosts.leave(visit, evidence, _rest_s(answer))
        took_s = visit.took_s
        journey.left_s = max(0.0, given_s - took_s)
        return journey.noted(url, answer, took_s)


def _result(url: str, journey: _Journey, answer: Answer) -> FetchResult:
    steps = tuple(journey.steps)
    if isinstance(answer.outcome, bytes):
        return Fetched(url, answer.outcome, steps)
    assert answer.reason is not None, "a redirect is followed or refused"
    return FetchFailed(url, answer.reason, steps, answer.told)


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
