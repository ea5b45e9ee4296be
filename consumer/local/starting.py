# SPDX-License-Identifier: Apache-2.0
"""How every part starts: on free ports, behind a keeper, until it answers; a part that dies instead says why."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

from consumer.errors import Refused
from consumer.local import ports
from consumer.local.process import Kept, Launch, Owned, last_words, new_token, spawn

if TYPE_CHECKING:
    from types import TracebackType

    from consumer.local.ports import PortBook

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)

START_ATTEMPTS = 3
#: Its keeper cleans up behind one that ended by itself.
_END_LIMIT_S = 10.0
PROBE_PAUSE_S = 0.05


class Part(Protocol[S_co]):
    """What is particular about Kafka, Triton or the image host."""

    name: str
    port_count: int
    start_limit_s: float

    def launch(self, ports: list[int], token: str) -> Launch:
        """Prepare files and give the command that listens on `ports`. Raises Refused when something is missing."""

    def probe(self, ports: list[int], kept: Kept) -> S_co | None:
        """Ask it once, briefly; its status, or None while it does not answer."""


class Starting(Generic[S]):
    """A part on its way: its process runs, `wait` gives the status. Owned by this process until released."""

    def __init__(self, part: Part[S], book: PortBook) -> None:
        self._part = part
        self._book = book
        self._spawn(ports.pick(part.port_count, book.recall(part.name)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def name(self) -> str:
        """The part's name."""
        return self._part.name

    @property
    def kept(self) -> Kept:
        """Its processes, for a state file."""
        return self._owned.kept

    def wait(self) -> S:
        """Block until it answers. Raises Refused with the last lines of its log when it ends or says nothing.

        It is started again where somebody took a port between the choice and the start, and where a signal ended it:
        Triton's Python backend aborts now and then while its models load (triton-inference-server/server#8882).
        """
        for attempt in range(1, START_ATTEMPTS + 1):
            status = self._probe_until_ready()
            if status is not None:
                self._book.remember(self._part.name, self._ports)
                return status
            by_signal = self._owned.wait(_END_LIMIT_S) < 0
            if attempt == START_ATTEMPTS or not (by_signal or self._lost_a_port()):
                break
            self._spawn(ports.pick(self._part.port_count, self._ports))
        raise Refused(f"{self._part.name} ended instead of starting; {self._last_words()}")

    def release(self) -> None:
        """Let it run on when this process ends."""
        self._owned.release()

    def stop(self) -> None:
        """Return when nothing of it is left. A released part runs on."""
        self._owned.stop()

    def _spawn(self, chosen: list[int]) -> None:
        token = new_token()
        self._ports = chosen
        self._launch = self._part.launch(chosen, token)
        self._owned: Owned = spawn(self._launch, token)

    def _probe_until_ready(self) -> S | None:
        deadline = time.monotonic() + self._part.start_limit_s
        while self.kept.is_alive:
            status = self._part.probe(self._ports, self.kept)
            # Asked again after the answer: on a taken port, the answer came from somebody else and ours is gone.
            if status is not None and self.kept.is_alive:
                return status
            if time.monotonic() > deadline:
                raise Refused(
                    f"{self._part.name} runs but does not answer after {self._part.start_limit_s:.0f} s; "
                    f"{self._last_words()}"
                )
            time.sleep(PROBE_PAUSE_S)
        return None

    def _lost_a_port(self) -> bool:
        return not all(map(ports.is_free, self._ports))

    def _last_words(self) -> str:
        return f"its log {self._launch.log} says:\n{last_words(self._launch.log)}"
