# SPDX-License-Identifier: Apache-2.0
"""The loop's life: wait for the cluster, take the slot, join the group, turn until a stop, leave in order."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import structlog

from consumer.errors import BrokerUnavailable
from consumer.kafka.assignment import Assignment
from consumer.kafka.at_least_once import Flushes
from consumer.kafka.broker import CurrentLimits, read_limits, require_partners, require_topics
from consumer.kafka.clients import Clients, Reports, connect, connect_admin, is_incremental
from consumer.kafka.cluster import Cluster
from consumer.kafka.dead_letter import DeadLetterLimit, DeadLetters
from consumer.kafka.intake import Intake
from consumer.kafka.outbox import Outbox
from consumer.kafka.owner import Owner, Parts
from consumer.kafka.publication import Publication
from consumer.kafka.second_opinion import SecondOpinion
from consumer.kafka.transaction import Transactions
from consumer.kafka.valve import Valve
from consumer.kafka.vitals import Vitals
from consumer.kafka.waiting import Stopped
from consumer.kafka.watch import GroupWatch
from consumer.settings import Delivery

if TYPE_CHECKING:
    from consumer.headers import Build
    from consumer.kafka.chains import Chains
    from consumer.kafka.publishing import Publisher
    from consumer.observability.metrics import Metrics
    from consumer.settings import Settings

log = structlog.get_logger()

#: No turn for the time of a transaction and this much more: the client hangs, only a restart helps.
HANG_SLACK_S = 30.0
_ASK_EVERY_S = 0.5
_SAY_EVERY_S = 5.0


class Loop:
    """Reads events, has `chains` handle them, publishes the outcomes. One per process."""

    def __init__(self, settings: Settings, chains: Chains, build: Build, metrics: Metrics) -> None:
        self.vitals = Vitals(settings.kafka.transaction_timeout_s + HANG_SLACK_S)
        self._settings = settings
        self._chains = chains
        self._build = build
        self._metrics = metrics
        self._intake = Intake(settings.engine, chains.bytes_per_event)
        self._watch = GroupWatch(self.vitals, metrics)
        self._stop_by_s: float | None = None
        self._stop_requested = threading.Event()
        self._waiting_said_at_s = 0.0

    @property
    def held(self) -> int:
        """Deliveries admitted and not yet published. May be read from any thread."""
        return self._intake.held

    def request_stop(self) -> None:
        """Ask `run` to come to an end within `engine.drain_s`. From any thread; returns at once."""
        self._stop_by_s = time.monotonic() + self._settings.engine.drain_s
        self._stop_requested.set()

    def run(self) -> None:
        """Work until `request_stop`; the calling thread owns the Kafka clients meanwhile. Raises Fatal."""
        cluster = Cluster(lambda: connect_admin(self._settings, self._watch.client_error))
        try:
            limits = self._wait_for(cluster)
            clients = connect(self._settings, limits, Reports(self._watch.client_error, self._watch.statistics))
            self._work(clients, limits, cluster)
        except Stopped:
            log.warning("stopped_while_waiting")

    def _work(self, clients: Clients, limits: CurrentLimits, cluster: Cluster) -> None:
        publisher = self._publisher(clients)
        partners = partial(require_partners, cluster, self._settings.topics)
        assignment = Assignment(clients.consumer, self._settings, self._watch, self._keep_waiting, partners)
        owner = Owner(self._parts(clients, publisher, limits, assignment))
        try:
            publisher.start()
            owner.start()
            self.vitals.obstacle("start", None)
            while self._stop_by_s is None:
                owner.turn()
            owner.drain(self._stop_by_s)
            assignment.leave()
        except BaseException:
            owner.give_up()
            assignment.leave()
            raise
        finally:
            self.vitals.obstacle("start", "the loop has ended")
            # Without a cycle the clients go with their last reference.
            owner.give_up()

    def _wait_for(self, cluster: Cluster) -> CurrentLimits:
        while True:
            try:
                require_topics(cluster, self._settings.topics)
            except BrokerUnavailable as error:
                cluster.admin.poll(0)  # it may know more than that nobody answers
                self._watch.check()
                self._say_waiting(str(error))
                self.vitals.turned()
                if self._stop_requested.wait(_ASK_EVERY_S):  # there is nothing to drain
                    raise Stopped from None
            else:
                self._watch.reachable()
                return CurrentLimits(lambda: read_limits(cluster, self._settings.topics))

    def _say_waiting(self, reason: str) -> None:
        self.vitals.obstacle("broker", reason)
        if time.monotonic() - self._waiting_said_at_s > _SAY_EVERY_S:
            self._waiting_said_at_s = time.monotonic()
            log.warning("waiting_for_kafka", reason=reason, servers=self._settings.kafka.bootstrap_servers)

    def _keep_waiting(self) -> None:
        self.vitals.turned()
        # Taken away by the watch, as soon as the consumer is polled again and a broker is up.
        self.vitals.obstacle("broker", "a call to Kafka is being repeated")
        if self._stop_by_s is not None and time.monotonic() >= self._stop_by_s:
            raise Stopped

    def _publisher(self, clients: Clients) -> Publisher:
        is_exact = self._settings.engine.delivery is Delivery.EXACTLY_ONCE
        publisher = Transactions if is_exact else Flushes
        return publisher(clients, self._keep_waiting, works_on=is_incremental(self._settings))

    def _parts(self, clients: Clients, publisher: Publisher, limits: CurrentLimits, assignment: Assignment) -> Parts:
        settings = self._settings
        is_exact = settings.engine.delivery is Delivery.EXACTLY_ONCE
        outbox = Outbox(
            settings.topics.events,
            DeadLetters(settings.topics.dead_letters, self._build),
            limits,
            drops_maps=not is_exact,
        )
        return Parts(
            consumer=clients.consumer,
            chains=self._chains,
            assignment=assignment,
            intake=self._intake,
            valve=Valve(clients.consumer, assignment, self._intake),
            outbox=outbox,
            publication=Publication(outbox, publisher, assignment, settings.engine, self._metrics),
            limit=DeadLetterLimit(settings.dead_letters),
            watch=self._watch,
            second_opinion=SecondOpinion(lambda: connect_admin(settings)),
            vitals=self.vitals,
            metrics=self._metrics,
        )
