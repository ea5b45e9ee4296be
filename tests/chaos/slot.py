# SPDX-License-Identifier: Apache-2.0
"""One slot of the group: the processes that hold it one after the other, and what can be done to them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consumer.errors import Fenced, StaleGeneration
from tests.chaos.tally import Tally
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.chaos.failpoints import Failpoint

#: Killed, stopped, fenced, stale: the supervisor starts it again. Nothing else may happen.
KNOWN_EXITS = {-signal.SIGKILL, 0, Fenced.exit_code, StaleGeneration.exit_code}
ROOT = Path(__file__).parents[2]
#: Fewer admitted and unpublished deliveries, and no open transaction: killing it would prove little.
BUSY = 100
_STOPPED_LIMIT_S = 10.0
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Plan:
    """What every worker is given."""

    settings: dict[str, Any]
    """Sections of `Settings`."""
    mean_delay_s: float
    properties: Callable[[str], dict[str, str]] = lambda _: {}
    """`kafka.properties` of a slot: the group protocol."""
    commit_interval_s: Callable[[], float] = lambda: 0.1
    """Asked anew for each life."""
    sabotage: str = ""


@dataclass
class Slot:
    """A name in the group. Its files are in `folder`; `environment` is that of its processes."""

    name: str
    folder: Path
    plan: Plan
    environment: Mapping[str, str]
    lives: int = 0
    exits: list[int] = field(default_factory=list)
    is_frozen: bool = False
    _process: subprocess.Popen[bytes] | None = None
    is_stopping: bool = False
    """Whether it was told to end."""

    def __post_init__(self) -> None:
        self.log = self.folder / f"worker-{self.name}.log"
        self._tally_file = self.folder / f"worker-{self.name}.tally"
        self.tally = Tally(self._tally_file)

    @property
    def is_up(self) -> bool:
        """Whether there is a process, frozen or not, whose end was not noted."""
        return self._process is not None

    @property
    def is_working(self) -> bool:
        return self.is_up and not self.is_frozen

    @property
    def partitions(self) -> set[int]:
        """Those that it says are its own."""
        mask = self.tally.get("partitions")
        return {number for number in range(mask.bit_length()) if mask >> number & 1}

    @property
    def is_busy(self) -> bool:
        """Whether it is in the middle of something that its death must not lose or repeat."""
        is_amid = self.tally.get("held") >= BUSY or self.tally.get("in_transaction")
        return bool(is_amid and self.partitions)

    @property
    def rss_bytes(self) -> int:
        """Resident memory of the process."""
        assert self._process is not None
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * _PAGE_BYTES

    @property
    def account(self) -> str:
        """What it is at, for whoever waits in vain."""
        state = "frozen" if self.is_frozen else "up" if self.is_up else "down"
        counts = {name: self.tally.get(name) for name in ("held", "in_transaction", "commits")}
        return f"slot {self.name} is {state}, life {self.lives}, exits {self.exits}, has {self.partitions}, {counts}"

    def start(self) -> None:
        self.tally.begin_life()
        self.lives += 1
        plan_file = self.folder / f"worker-{self.name}.json"
        plan_file.write_text(json.dumps(self._written_plan()))
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "tests.chaos.worker", str(plan_file)]
            self._process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)

    def note_end(self) -> int | None:
        """The exit code, once, when the process has ended."""
        if self._process is None or (code := self._process.poll()) is None:
            return None
        self._process = None
        self.is_frozen = self.is_stopping = False
        self.exits.append(code)
        return code

    def freeze(self) -> bool:
        """Return when it is frozen; False when it ended instead."""
        process = self._process
        if process is None:
            return False
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: process.poll() is not None or _state(process.pid) in "tT", _STOPPED_LIMIT_S, "a standstill")
        self.is_frozen = process.returncode is None
        return self.is_frozen

    def thaw(self) -> None:
        """Let it go on; one that is gone is fine."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
        self.is_frozen = False

    def kill_if_busy(self) -> bool:
        """SIGKILL in the middle of work; frozen first, so that what it was in the middle of is exact."""
        if not self.freeze():
            return False
        if not self.is_busy:
            self.thaw()
            return False
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self.is_frozen = False
        return True

    def terminate(self) -> bool:
        """SIGTERM, unless it was told before: the second would end it at once. Says whether it was told now."""
        if self._process is None or self.is_stopping:
            return False
        self._process.terminate()
        self.is_stopping = True
        return True

    def arm(self, point: Failpoint, number: signal.Signals = signal.SIGKILL) -> None:
        """Have it stop itself at that point, by that signal."""
        self.tally.put("failpoint_signal", number)
        self.tally.put("failpoint", point)

    def disarm(self) -> None:
        self.tally.put("failpoint", 0)

    def end(self) -> None:
        """Leave nothing behind, whatever happened."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _written_plan(self) -> dict[str, Any]:
        settings = self.plan.settings
        kafka = {**settings["kafka"], "slot": self.name, "properties": self.plan.properties(self.name)}
        engine = {**settings["engine"], "commit_interval_s": self.plan.commit_interval_s()}
        return {
            "settings": {**settings, "kafka": kafka, "engine": engine},
            "tally": str(self._tally_file),
            "mean_delay_s": self.plan.mean_delay_s,
            "sabotage": self.plan.sabotage,
        }


def _state(pid: int) -> str:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return stat[stat.rindex(")") + 2]
