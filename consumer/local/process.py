# SPDX-License-Identifier: Apache-2.0
"""Processes behind a keeper: started, watched and stopped so that a recycled process id is never hit."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import uuid
from dataclasses import asdict, dataclass, field
from typing import IO, TYPE_CHECKING, Any

from consumer.errors import Refused
from consumer.local import keeper

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LAST_WORDS_LINES = 12
#: Beside complaints: what a part said last may be the reason though no word of it sounds like one.
_VERY_LAST_LINES = 4
LAST_WORDS_WIDTH = 400
STOP_MARGIN_S = 15.0  # over the part's own limit: the keeper also cleans up

# How Java, Python, Maven and Triton (a line that begins with E and the date) complain. A broker that failed
# goes on to log how it shuts down, so its last lines alone tell nothing.
_COMPLAINT = re.compile(r"ERROR|FATAL|Exception|Caused by|\w+Error\b|^E\d{4} |^error")


@dataclass(frozen=True, slots=True)
class Launch:
    """What a keeper runs. `stop_s` is the time between SIGTERM and SIGKILL."""

    command: list[str]
    folder: Path
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_s: float = 10.0


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process, told from a later one with the same number by its start in clock ticks after boot."""

    pid: int
    started: int

    @property
    def is_alive(self) -> bool:
        """Whether it still runs; one that only waits to be reaped does not."""
        return keeper.start_time(self.pid) == self.started

    def terminate(self) -> None:
        """Send SIGTERM; one that is gone is fine."""
        self._with_handle(lambda handle: signal.pidfd_send_signal(handle, signal.SIGTERM))

    def wait(self, limit_s: float) -> bool:
        """Block until it is gone; whether it went in time."""
        gone = True

        def wait(handle: int) -> None:
            nonlocal gone
            gone = bool(select.select([handle], [], [], limit_s)[0])

        self._with_handle(wait)
        return gone

    def _with_handle(self, act: Any) -> None:
        """Call `act` with a descriptor of exactly this process; not at all when it is gone."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if self.is_alive:
                act(handle)
        except ProcessLookupError:
            return
        finally:
            os.close(handle)


@dataclass(frozen=True, slots=True)
class Kept:
    """A part's process and its keeper. Can be written to a state file and read by another process."""

    keeper: ProcessId
    server: ProcessId
    token: str
    stop_s: float

    @property
    def is_alive(self) -> bool:
        """Whether the part runs and is looked after."""
        return self.server.is_alive and self.keeper.is_alive

    def stop(self) -> None:
        """Return when no process and no shared memory of it is left, also after a crash of the keeper."""
        self.keeper.terminate()
        self.keeper.wait(self.stop_s + STOP_MARGIN_S)
        keeper.clean(self.token)


@dataclass(frozen=True, slots=True)
class Owned:
    """A part that lives no longer than this process, until it is released."""

    kept: Kept
    lifeline: IO[bytes]
    reports: IO[bytes]

    def release(self) -> None:
        """Let it run on when this process ends."""
        with self.lifeline, self.reports:
            self.lifeline.write(keeper.RELEASE)

    def stop(self) -> None:
        """Return when nothing of it is left. A released one runs on."""
        if self.lifeline.closed:
            return
        with self.reports:
            self.lifeline.close()
            self.kept.stop()

    def wait(self, limit_s: float) -> int:
        """Let it end by itself, and stop it after `limit_s`; its exit status."""
        with self.reports:
            self.kept.keeper.wait(limit_s)
            self.lifeline.close()
            self.kept.stop()
            status: int = json.loads(self.reports.readline() or b'{"status": 1}')["status"]
        return status


def spawn(launch: Launch, token: str | None = None) -> Owned:
    """Start a process behind a keeper of its own. Returns at once; raises Refused when there is nothing to execute."""
    token = token or new_token()
    launch.log.parent.mkdir(parents=True, exist_ok=True)
    paths = {"folder": str(launch.folder.resolve()), "log": str(launch.log.resolve())}
    spec = asdict(launch) | paths | {"token": token}
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and file
        [sys.executable, "-I", keeper.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # else whoever reads our stderr to its end would wait for the part's end
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    lifeline, reports = process.stdin, process.stdout
    try:
        lifeline.write(json.dumps(spec).encode() + b"\n")
        lifeline.flush()
        answer = _first_report(reports, launch)
        process.wait()
    except BaseException:
        lifeline.close()
        with reports:
            reports.read()  # ends when the keeper has cleaned up
        process.wait()
        raise
    kept = Kept(ProcessId(**answer["keeper"]), ProcessId(**answer["server"]), token, launch.stop_s)
    return Owned(kept, lifeline, reports)


def _first_report(reports: IO[bytes], launch: Launch) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(reports.readline() or b'{"error": "its keeper ended"}')
    if "error" in answer:
        raise Refused(f"{launch.command[0]} does not start: {answer['error']}")
    return answer


def new_token() -> str:
    """Mark of one start; the prefix of its shared memory."""
    return f"hangtag-{uuid.uuid4().hex[:12]}-"


def last_words(log: Path) -> str:
    """What a log says of the end, indented, for a message: its last complaints and its very last lines, in order."""
    lines = [line.rstrip() for line in log.read_text(errors="replace").splitlines()]
    complaints = [
        number for number, line in enumerate(lines) if _COMPLAINT.search(line) and not line.lstrip().startswith("at ")
    ]
    very_last = _VERY_LAST_LINES if complaints else LAST_WORDS_LINES
    shown = {*complaints[_VERY_LAST_LINES - LAST_WORDS_LINES :], *range(max(0, len(lines) - very_last), len(lines))}
    return "\n".join(f"    {lines[number][:LAST_WORDS_WIDTH]}" for number in sorted(shown))
