# SPDX-License-Identifier: Apache-2.0
"""Kafka, Triton and the image host together: up, down, status, and what the consumer must be told about them.

`start` gives parts that die with this process, whatever kills it; `up` lets them run on. All state is in one folder, so
that another process, after a crash too, finds and stops exactly what was started there.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from consumer.errors import Refused
from consumer.local.images import ImagesPart, ImagesStatus
from consumer.local.kafka import KafkaPart, KafkaStatus
from consumer.local.mock import MockPart
from consumer.local.ports import PortBook
from consumer.local.starting import Part, Starting
from consumer.local.state import Record, State
from consumer.local.triton import TritonPart, TritonStatus
from consumer.settings import Delivery, KafkaSettings, TopicSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from consumer.local.process import Kept

PARTITIONS = 6
NAMES = ("kafka", "triton", "images")


@dataclass(frozen=True, slots=True)
class PartsStatus:
    """The parts that run and answered; None for one that does not run."""

    kafka: KafkaStatus | None
    triton: TritonStatus | None
    images: ImagesStatus | None

    def public(self) -> dict[str, dict[str, Any] | None]:
        """What `hangtag local status` prints: no keys."""
        answers: dict[str, dict[str, Any] | None] = asdict(self)
        if triton := answers["triton"]:
            del triton["read_key"], triton["bundle"]
        return answers

    @property
    def delivery(self) -> Delivery:
        """What this Kafka can promise."""
        return Delivery.AT_LEAST_ONCE if self.kafka and self.kafka.is_mock else Delivery.EXACTLY_ONCE


class Parts:
    """Running parts. Those that this process started end with it, unless they are released."""

    def __init__(self, state: State, started: list[Starting[Any]]) -> None:
        self._state = state
        self._started = started
        self.status = _read_status(state)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def release(self) -> None:
        """Let all of them run on when this process ends."""
        while self._started:
            self._started.pop().release()

    def stop(self) -> None:
        """Return when nothing is left of what this process started and did not release."""
        started, self._started = self._started, []
        _stop_started(self._state, started)


def start(
    state: Path,
    *,
    images: Path | None = None,
    bundle: Path | None = None,
    progress: Callable[[str], None],
    mock_without_java: bool = False,
) -> Parts:
    """Start what does not run yet in the folder `state`; owned by this process. Use it as a context manager.

    `images` is the image host's folder, else one in `state`; `bundle` is what Triton serves, else the shipped starter.
    Raises Refused when a needed part is missing or does not start; then nothing that was started here is left.
    """
    records = State(state)
    with records.locked():
        _sweep(records)
        running = [name for name in NAMES if records.read(name)]
        if len(running) == len(NAMES):
            progress(f"already running in {records.folder}; nothing was changed")
            return Parts(records, [])
        parts: dict[str, Callable[[], Part[Any]]] = {
            "kafka": lambda: _kafka_part(records.folder, progress, mock_without_java=mock_without_java),
            "triton": lambda: TritonPart(records.folder, bundle and bundle.resolve(), progress),
            "images": lambda: ImagesPart(records.folder, images),
        }
        wanted = {name: make() for name, make in parts.items() if name not in running}
        return Parts(records, _start_all(records, wanted, progress))


def up(
    state: Path,
    *,
    images: Path | None = None,
    bundle: Path | None = None,
    progress: Callable[[str], None],
    mock_without_java: bool = False,
) -> PartsStatus:
    """The same as `start`, but the parts outlive this process: `down` stops them."""
    with start(state, images=images, bundle=bundle, progress=progress, mock_without_java=mock_without_java) as parts:
        parts.release()
        return parts.status


def down(state: Path) -> tuple[str, ...]:
    """Stop what runs in the folder, and remove what a crash left; names of the parts that were known there."""
    records = State(state)
    if not records.folder.is_dir():
        return ()
    with records.locked():
        known = {name: record.kept for name in NAMES if (record := records.read(name))}
        _stop(records, known)
    return tuple(known)


def status(state: Path) -> PartsStatus:
    """What runs in the folder; also removes what a crash left, unless another command is at work there."""
    records = State(state)
    if records.folder.is_dir():
        with records.locked(wait=False) as is_ours:
            if is_ours:
                _sweep(records)
    return _read_status(records)


def environment(running: PartsStatus) -> dict[str, str]:
    """The settings that make the consumer use these parts."""
    variables = {}
    if running.kafka:
        variables["HANGTAG_KAFKA__BOOTSTRAP_SERVERS"] = running.kafka.bootstrap_servers
        if running.delivery is not Delivery.EXACTLY_ONCE:
            variables["HANGTAG_ENGINE__DELIVERY"] = running.delivery
    if running.triton:
        variables["HANGTAG_TRITON__GRPC"] = running.triton.grpc
        variables["HANGTAG_TRITON__READ_KEY"] = running.triton.read_key
        if running.triton.bundle:
            variables["HANGTAG_TRITON__BUNDLE"] = running.triton.bundle
    if running.images:
        variables["HANGTAG_IMAGES__ALLOW_PRIVATE"] = json.dumps([allowed_endpoint(running.images)])
    return variables


def allowed_endpoint(images: ImagesStatus) -> str:
    """The entry of `images.allow_private` that lets the fetcher at the image host."""
    host = urlsplit(images.url)
    return f"{host.hostname}/32:{host.port}"


def _kafka_part(state: Path, progress: Callable[[str], None], *, mock_without_java: bool) -> Part[KafkaStatus]:
    try:
        return KafkaPart(state, progress)
    except Refused as missing:
        if not mock_without_java:
            raise
        progress(f"{missing}. Going on with librdkafka's mock cluster: delivery is at_least_once")
        return MockPart(state, TopicSettings().model_dump().values(), PARTITIONS)


def _start_all(state: State, parts: dict[str, Part[Any]], progress: Callable[[str], None]) -> list[Starting[Any]]:
    """All of them at once: each is spawned before the first is waited for."""
    book = PortBook(state.folder / "ports.json")
    started: list[Starting[Any]] = []
    try:
        # Triton takes longest, so it goes first.
        for name in sorted(parts, key=("triton", "images", "kafka").index):
            progress(f"starting {name}")
            started.append(Starting(parts[name], book))
            state.write(name, Record(started[-1].kept, None))
        for one in started:
            answer = one.wait()
            if isinstance(answer, KafkaStatus):
                _create_topics(answer)
            state.write(one.name, Record(one.kept, asdict(answer)))
            progress(f"{one.name} is ready")
    except BaseException:
        _stop_started(state, started)
        raise
    return started


def _create_topics(kafka: KafkaStatus) -> None:
    if kafka.is_mock:
        return  # it came up with them, and refuses requests for more
    from consumer.kafka.topics import Layout, create_topics

    create_topics(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers), TopicSettings(), Layout(PARTITIONS, 1))


def _stop_started(state: State, started: list[Starting[Any]]) -> None:
    _stop(state, {one.name: one.kept for one in started})
    for one in started:
        one.stop()


def _stop(state: State, kept: dict[str, Kept]) -> None:
    """Tell all of them before waiting for the first."""
    for one in kept.values():
        one.keeper.terminate()
    for name, one in kept.items():
        one.stop()
        state.remove(name)


def _sweep(state: State) -> None:
    """Remove what is left of parts that crashed, or whose keeper did."""
    dead = {name: record.kept for name in NAMES if (record := state.read(name)) and not record.is_running}
    _stop(state, dead)


def _read_status(state: State) -> PartsStatus:
    answers = {name: record.status for name in NAMES if (record := state.read(name)) and record.is_running}

    def read(name: str, kind: Callable[..., Any]) -> Any:
        answer = answers.get(name)
        return None if answer is None else kind(**answer)

    return PartsStatus(
        kafka=read("kafka", KafkaStatus), triton=read("triton", TritonStatus), images=read("images", ImagesStatus)
    )
