# SPDX-License-Identifier: Apache-2.0
"""The whole flow on one machine: made-up vendor, real Kafka and Triton, `hangtag run`, a look at what came out."""

from __future__ import annotations

import json
import secrets
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from consumer.bundle import read_manifest, starter_folder
from consumer.catalogue.products import make_products
from consumer.errors import Refused
from consumer.kafka.topics import Layout, create_topics
from consumer.local import parts
from consumer.local.demo_answers import Answers, accuracy, collect, differences
from consumer.local.demo_consumer import DemoConsumer
from consumer.local.demo_feed import Drawing, Shop, send
from consumer.local.demo_folders import RUN_PREFIX, run_folders
from consumer.local.demo_redirect import PrivateRedirect
from consumer.settings import Delivery, KafkaSettings, TopicSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.catalogue.products import Product
    from consumer.local.parts import PartsStatus


@dataclass(frozen=True, slots=True)
class Plan:
    """What to show. `keep` lets parts that the demo started run on."""

    products: int
    seed: int
    state: Path
    bundle: Path | None = None
    """What Triton serves when the demo starts it; None is the shipped starter."""
    keep: bool = False


class Narrator(Protocol):
    """Hears how far the demo is."""

    def say(self, message: str) -> None:
        """Something happened."""

    def advance(self, what: str, done: int, total: int) -> None:
        """A longer piece of work is so far."""


@dataclass(frozen=True, slots=True)
class Report:
    """What happened."""

    summary: Mapping[str, Any]
    """The published figures, ready for JSON."""
    sent: Mapping[str, Product]
    """By record key."""
    answers: Answers
    complaints: tuple[str, ...]
    """What is not as it should be; empty when all is well."""
    topics: TopicSettings


def run_demo(plan: Plan, narrator: Narrator) -> Report:
    """Use the parts that run in the state folder, else start them and stop them again; nothing else is left running.

    Every run has its own topics, group and vendor, so runs on the same parts do not meet. Raises Refused when a part is
    missing or does not do its work.
    """
    products = make_products(plan.products, plan.seed)
    run = f"{RUN_PREFIX}{secrets.token_hex(4)}"
    running = parts.status(plan.state)
    _check_bundle(running, plan.bundle)
    were_running = _all_run(running)
    folder, pictures = plan.state.resolve() / run, _pictures_root(plan.state, running) / run
    with ExitStack() as stack:
        stack.enter_context(run_folders(folder, pictures, is_kept=were_running or plan.keep))
        drawing = stack.enter_context(Drawing(products, pictures))
        started = stack.enter_context(
            parts.start(plan.state, bundle=plan.bundle, progress=narrator.say, mock_without_java=True)
        )
        report = _Flow(folder, started.status, products).run(stack, drawing, narrator)
        if plan.keep:
            started.release()
    return report


class _Flow:
    """One run on running parts."""

    def __init__(self, folder: Path, status: PartsStatus, products: Sequence[Product]) -> None:
        assert status.kafka is not None
        assert status.triton is not None
        assert status.images is not None
        self._folder = folder
        self._run = folder.name
        self._products = products
        self._kafka_version, self._triton_version = status.kafka.version, status.triton.version
        self._bundle = Path(status.triton.bundle) if status.triton.bundle else starter_folder()
        self._images_url = status.images.url
        self._delivery = status.delivery
        self._environment = parts.environment(status)
        self._kafka = KafkaSettings(bootstrap_servers=status.kafka.bootstrap_servers, group_id=self._run)
        self._topics = self._own_topics()

    def run(self, stack: ExitStack, drawing: Drawing, narrator: Narrator) -> Report:
        """All of it, from the topics to the figures."""
        redirect = stack.enter_context(PrivateRedirect())
        shop = Shop(self._run, f"{self._images_url}/{self._run}", f"http://{redirect.address}")
        consumer = stack.enter_context(DemoConsumer(self._folder, self._settings(redirect)))
        drawing.wait(lambda done, total: narrator.advance("pictures drawn", done, total))
        consumer.wait_until_ready()
        narrator.say("hangtag run is ready")
        started_at = time.monotonic()
        events_in = send(self._products, shop, self._kafka, self._topics.events, self._folder / "feed.jsonl")
        consumer.wait_until_finished(events_in, lambda done, total: narrator.advance("products tagged", done, total))
        seconds = time.monotonic() - started_at
        consumer.stop()
        answers = collect(self._kafka, self._topics, self._run)
        sent = {shop.key(product): product for product in self._products}
        complaints = differences(sent, events_in, answers, self._delivery)
        if calls := redirect.calls():
            complaints.append(f"the private address was called {calls} times")
        return Report(
            summary=self._summary(events_in, seconds, answers) | {"accuracy": accuracy(sent, answers)},
            sent=sent,
            answers=answers,
            complaints=tuple(complaints),
            topics=self._topics,
        )

    def _own_topics(self) -> TopicSettings:
        """Fresh ones. The mock cluster makes none later: there the vendor's name keeps runs apart."""
        if self._delivery is not Delivery.EXACTLY_ONCE:
            return TopicSettings()
        topics = TopicSettings(
            events=f"{self._run}-events",
            attributes=f"{self._run}-attributes",
            embeddings=f"{self._run}-embeddings",
            dead_letters=f"{self._run}-events-dlq",
        )
        create_topics(self._kafka, topics, Layout(partitions=parts.PARTITIONS, replication=1))
        return topics

    def _settings(self, redirect: PrivateRedirect) -> dict[str, str]:
        """For the consumer: our parts, our topics, and leave to call the host that redirects."""
        allowed = json.loads(self._environment["HANGTAG_IMAGES__ALLOW_PRIVATE"])
        host, _, port = redirect.address.partition(":")
        return {
            **self._environment,
            "HANGTAG_IMAGES__ALLOW_PRIVATE": json.dumps([*allowed, f"{host}/32:{port}"]),
            "HANGTAG_KAFKA__GROUP_ID": self._kafka.group_id,
            **{f"HANGTAG_TOPICS__{name.upper()}": topic for name, topic in self._topics.model_dump().items()},
        }

    def _summary(self, events_in: int, seconds: float, answers: Answers) -> dict[str, Any]:
        return {
            "events_in": events_in,
            "events_out": len(answers.attributes),
            "degraded": answers.degraded,
            "dead_lettered": len(answers.dead_letters),
            "seconds": round(seconds, 2),
            "products_per_s": round(events_in / seconds, 1),
            "delivery": self._delivery.value,
            "kafka_version": self._kafka_version,
            "triton_version": self._triton_version,
            "bundle": read_manifest(self._bundle / "manifest.json").bundle,
        }


def _all_run(status: PartsStatus) -> bool:
    return None not in {status.kafka, status.triton, status.images}


def _check_bundle(running: PartsStatus, bundle: Path | None) -> None:
    if running.triton and bundle and running.triton.bundle != str(bundle.resolve()):
        raise Refused(f"Triton runs and serves {running.triton.bundle or 'the starter'}: `hangtag local down` stops it")


def _pictures_root(state: Path, running: PartsStatus) -> Path:
    """The folder that the image host serves, or will serve."""
    return Path(running.images.root) if running.images else state.resolve() / "images"
