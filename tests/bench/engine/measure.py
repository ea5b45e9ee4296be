# SPDX-License-Identifier: Apache-2.0
"""Runs the processes of a row until all of its events are final, and works out what they took."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.bench.engine.marks import Mark
from tests.bench.engine.plan import HELD_BYTES, Engine, Plan, Row, Work

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from consumer.settings import TopicSettings

ROOT = Path(__file__).parents[3]
_LIMIT_S = 300.0
_STOP_S = 60.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What a row came to, from the first commit of any process to the last one."""

    events: int
    seconds: float
    cpu_s: float
    peak_rss_mb: float
    """Of the largest process."""
    peak_held_mb: float

    @property
    def per_second(self) -> float:
        return self.events / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU time of whole processes per event, in microseconds."""
        return self.cpu_s / self.events * 1e6


class Process:
    """One worker and what it says."""

    def __init__(self, plan: Plan, heard: threading.Condition) -> None:
        command = [sys.executable, "-m", "tests.bench.engine.worker", plan.dump()]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self._heard = heard
        self.marks: list[Mark] = []
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    @property
    def published(self) -> int:
        return self.marks[-1].published if self.marks else 0

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """SIGTERM, and SIGKILL for one that does not leave; raises RuntimeError where a good run ends so."""
        self._process.terminate()
        try:
            code = self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._listener.join()
        if code and error is None:
            raise RuntimeError(f"a worker ended with exit code {code}")

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if mark := Mark.read(line):
                with self._heard:
                    self.marks.append(mark)
                    self._heard.notify()


def measure(servers: str, topics: TopicSettings, row: Row) -> Figures:
    """Run the row on an input that lies there. Raises RuntimeError when a process fails or the end does not come."""
    heard = threading.Condition()
    with ExitStack() as stack:
        workers = [stack.enter_context(Process(plan, heard)) for plan in plans(servers, topics, row)]
        with heard:
            is_through = heard.wait_for(lambda: _is_over(workers, row.events), _LIMIT_S)
        if not is_through:
            raise RuntimeError(f"{row.name}: only {sum(worker.published for worker in workers)} events came out")
    return _figures([worker.marks for worker in workers])


def _is_over(workers: Sequence[Process], events: int) -> bool:
    return sum(worker.published for worker in workers) >= events or any(worker.has_ended() for worker in workers)


def _figures(all_marks: Sequence[Sequence[Mark]]) -> Figures:
    first_s = min(marks[0].at_s for marks in all_marks)
    last_s = max(marks[-1].at_s for marks in all_marks)
    events = sum(marks[-1].published - marks[0].published for marks in all_marks)
    lasts = [marks[-1] for marks in all_marks]
    return Figures(
        events,
        last_s - first_s,
        sum(last.cpu_s - marks[0].cpu_s for last, marks in zip(lasts, all_marks, strict=True)),
        max(last.peak_rss_mb for last in lasts),
        max(last.peak_held_mb for last in lasts),
    )


def plans(servers: str, topics: TopicSettings, row: Row) -> Iterator[Plan]:
    for slot in range(row.workers):
        kafka = {"bootstrap_servers": servers, "group_id": topics.events, "slot": str(slot), "session_timeout_s": 10}
        engine: dict[str, int] = {"slots": row.slots} if row.engine is Engine.HANGTAG else {}
        if row.work is Work.IMAGES:
            engine["bytes"] = HELD_BYTES
        settings = {"kafka": kafka, "topics": topics.model_dump(), "engine": engine}
        yield Plan(row.engine, row.work, row.delay_ms / 1000, settings)
