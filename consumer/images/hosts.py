# SPDX-License-Identifier: Apache-2.0
"""Politeness and patience: how many fetches run at a time, per host and in all, and which hosts are left alone."""

from __future__ import annotations

import time
from collections import OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Protocol

import structlog

from consumer.events import FetchReason
from consumer.images.gate import Gate, Patience
from consumer.retry import Breaker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from consumer.settings import ImageSettings

log = structlog.get_logger()


class Evidence(Enum):
    """What a request says of its host."""

    GOOD = auto()
    """It gave a body that may be a picture."""
    ALIVE = auto()
    """It answered, and be it with a refusal."""
    BAD = auto()
    """No connection, no answer in time, or a 5xx."""
    NONE = auto()
    """Nothing: we never reached it, or went away."""


class Room(Protocol):
    """Memory for a body."""

    @property
    def is_there(self) -> bool:
        """Whether its first byte may come at once."""

    async def come(self) -> None:
        """Wait until it may, as long as the wait is for us."""


#: One vendor at one host: its id, then the host. Slots, failures and pauses are counted for each: else a vendor whose
#: URLs on a shared host fail would have that host left alone for all others.
Place = tuple[str, str]


@dataclass(slots=True)
class Host:
    """What is known of a host, as one vendor has it."""

    vendor_id: str
    name: str
    gate: Gate
    breaker: Breaker
    users: int = 0
    is_known: bool = False
    not_before_s: float = 0.0


@dataclass(slots=True)
class Visit:
    """A slot at a host, which ends with `Hosts.leave`."""

    host: Host
    is_trial: bool
    """Whether this fetch tries a host that was left alone."""
    clock: Callable[[], float]
    entered: list[Gate] = field(default_factory=list)
    begun_s: float | None = None
    """When the host's time began, moved on by what was not the host's."""
    kept_waiting_s: float = 0.0
    """Of the host's time, by memory that was held by other hosts."""

    @property
    def took_s(self) -> float:
        """Of the host's time, so far."""
        return 0.0 if self.begun_s is None else self.clock() - self.begun_s

    def begin(self, now_s: float) -> None:
        """All slots are there: from now on it is the host's time."""
        self.begun_s = now_s
        for gate in self.entered:
            gate.begin(now_s)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Time in here is ours: it makes no host slow."""
        took_s, begun_s = self.took_s, self.begun_s
        if begun_s is not None:
            for gate in self.entered:
                gate.pause(begun_s)
        try:
            yield
        finally:
            if begun_s is not None:
                self.begin(self.clock() - took_s)


class Hosts:
    """For one event loop.

    A slot of the host comes first, then one of the process: a crowded host holds none that others could use. No vendor
    has more than three quarters of the process. Hosts that are slow, or never gave what may be a picture, share half of
    it, and no vendor has more than half of that: it can invent any number of hosts.
    """

    def __init__(self, settings: ImageSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._patience = Patience(settings.slow_host_s, settings.fetch_timeout_s)
        most = max(1, settings.in_flight * 3 // 4)
        self._process = Gate(settings.in_flight, None, clock, per_owner=most)
        doubtful = max(1, settings.in_flight // 2)
        self._doubtful = Gate(doubtful, self._patience, clock, per_owner=max(1, doubtful // 2))
        self._hosts: OrderedDict[Place, Host] = OrderedDict()
        self._without_room = 0

    @property
    def in_flight(self) -> int:
        """Requests that run. From any thread."""
        return self._process.running

    @property
    def waiting(self) -> int:
        """Fetches that wait for a slot, or for memory before they ask. From any thread."""
        gates = [self._process, self._doubtful, *(host.gate for host in list(self._hosts.values()))]
        return self._without_room + sum(gate.waiting for gate in gates)

    @property
    def open(self) -> int:
        """Hosts that are left alone after failures. From any thread."""
        return sum(host.breaker.is_open for host in list(self._hosts.values()))

    async def enter(self, place: Place, room: Room) -> Visit | FetchReason:
        """Wait for a slot; and at the host, where it is in nobody else's way, for room for what it will send.

        `circuit_open` for a host left alone, `rate_limited` for one that asked for a long rest, `timeout_total` for one
        whose queue is too long.
        """
        host = self._host(place)
        is_trial = host.breaker.is_open
        if is_trial and host.breaker.wait_s() > 0:
            return FetchReason.CIRCUIT_OPEN
        visit = Visit(host, is_trial, self._clock)
        host.users += 1
        try:
            if refused := self._refuse(visit):
                return refused
            for gate in self._gates(host):
                if not (gate.enter_at_once(host.vendor_id) or await gate.enter(host.vendor_id)):
                    return self._refuse(visit) or FetchReason.TIMEOUT_TOTAL
                visit.entered.append(gate)
                if gate is host.gate and not room.is_there:
                    await self._wait_for(room)
            if refused := self._refuse(visit):
                return refused
            visit.begin(self._clock())
            return visit
        finally:
            if visit.begun_s is None:
                self.leave(visit, Evidence.NONE)

    async def _wait_for(self, room: Room) -> None:
        self._without_room += 1
        try:
            await room.come()
        finally:
            self._without_room -= 1

    def _refuse(self, visit: Visit) -> FetchReason | None:
        """Asked before and after each wait, in which the others may have learnt something."""
        host = visit.host
        if host.breaker.is_open and not visit.is_trial:
            return FetchReason.CIRCUIT_OPEN
        is_resting = host.not_before_s and host.not_before_s > self._clock()
        return FetchReason.RATE_LIMITED if is_resting else None

    def leave(self, visit: Visit, evidence: Evidence, rest_s: float | None = None) -> None:
        """Give the slots back and learn from what became of the request; `rest_s` is how long the host wants rest."""
        host = visit.host
        pause_s = self._let_rest(host, rest_s) if rest_s else 0.0  # before anybody else gets the slot
        for gate in visit.entered:
            gate.leave(visit.begun_s, host.vendor_id, pause_s if gate is host.gate else 0.0)
        host.users -= 1
        if host.breaker.is_open and not visit.is_trial:
            return  # begun before the host was left alone: old news
        if evidence is Evidence.GOOD:
            host.is_known = True
            host.breaker.succeeded()
        elif evidence is Evidence.ALIVE:
            host.breaker.succeeded()
        elif evidence is Evidence.BAD:
            self._failed(host)
        elif visit.is_trial:
            host.breaker.abandoned()

    def _gates(self, host: Host) -> Iterator[Gate]:
        """One after the other: while it waited for the first, the host may have become known, or slow."""
        yield host.gate
        if host.gate.is_slow or not host.is_known:
            yield self._doubtful
        yield self._process

    def _let_rest(self, host: Host, rest_s: float) -> float:
        """For how long the queue waits: for a long rest it goes instead, and nobody comes."""
        if rest_s <= self._settings.fetch_timeout_s:
            return rest_s
        until_s = self._clock() + min(rest_s, self._settings.retry_after_cap_s)
        host.not_before_s = max(host.not_before_s, until_s)
        host.gate.turn_all_away()
        return 0.0

    def _failed(self, host: Host) -> None:
        host.breaker.failed()
        if host.breaker.is_open:
            host.gate.turn_all_away()
            failures = self._settings.breaker_failures
            log.warning("image_host_left_alone", host=host.name, vendor_id=host.vendor_id, failures=failures)

    def _host(self, place: Place) -> Host:
        if host := self._hosts.get(place):
            self._hosts.move_to_end(place)
            return host
        settings = self._settings
        gate = Gate(settings.in_flight_per_host, self._patience, self._clock)
        breaker = Breaker(
            settings.breaker_failures, settings.breaker_first_s, settings.breaker_cap_s, clock=self._clock
        )
        self._forget_unused()
        host = self._hosts[place] = Host(*place, gate, breaker)
        return host

    def _forget_unused(self) -> None:
        """Make room for one more, the longest unused first; whoever leaves a host needs it."""
        while len(self._hosts) >= self._settings.hosts_remembered:
            unused = next((place for place, host in self._hosts.items() if not host.users), None)
            if unused is None:
                return
            del self._hosts[unused]
