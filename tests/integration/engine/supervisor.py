# SPDX-License-Identifier: Apache-2.0
"""Keeps worker processes running, and kills them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.integration.engine.tally import Tally
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from random import Random

ROOT = Path(__file__).parents[3]
STOP_LIMIT_S = 30.0


@dataclass(frozen=True)
class Plan:
    """What every worker is given."""

    settings: dict[str, Any]
    mean_delay_s: float
    sabotage: str = ""


@dataclass
class Worker:
    """One slot, and the process that holds it now."""

    folder: Path
    slot: str
    plan: Plan
    exits: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        kafka = {
            **self.plan.settings["kafka"],
            "slot": self.slot,
            # A restarted slot takes its partitions back without waiting for the session of the dead one.
            "properties": {"group.instance.id": self.slot},
        }
        path = self.folder / f"{self.slot}.tally"
        self.tally = Tally(path)
        self._plan_file = self.folder / f"{self.slot}.json"
        self._plan_file.write_text(
            json.dumps(
                {
                    "settings": {**self.plan.settings, "kafka": kafka},
                    "tally": str(path),
                    "mean_delay_s": self.plan.mean_delay_s,
                    "sabotage": self.plan.sabotage,
                }
            )
        )
        self.log = self.folder / f"{self.slot}.log"
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "tests.integration.engine.worker", str(self._plan_file)]
            return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def look_after(self) -> None:
        """Start it again if it ended by itself: a fatal error asks for just that."""
        if (code := self._process.poll()) is not None:
            self.exits.append(code)
            self._process = self._start()

    def kill_busy(self, at_least: int) -> bool:
        """SIGKILL it, if it is in the middle of so many events; frozen first, so that the count is exact."""
        os.kill(self._process.pid, signal.SIGSTOP)
        if self._process.poll() is not None or self.tally.get("running") < at_least:
            os.kill(self._process.pid, signal.SIGCONT)
            return False
        self._process.kill()
        self.exits.append(self._process.wait())
        return True

    def restart(self) -> None:
        self.tally.put("running", 0)
        self._process = self._start()

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        self._process.terminate()
        code = self._process.wait(STOP_LIMIT_S)
        self.exits.append(code)
        return code

    def end(self) -> None:
        """Leave nothing behind, whatever happened."""
        self._process.kill()
        self._process.wait()


def kill_one_busy(workers: list[Worker], randomness: Random, at_least: int, limit_s: float) -> Worker:
    """Kill a worker that is in the middle of `at_least` events, at a moment drawn by chance. The killed one is down."""
    ahead = {worker.slot: worker.tally.get("finished") + randomness.randrange(20, 200) for worker in workers}

    def strike() -> Worker | None:
        for worker in workers:
            worker.look_after()
            is_time = worker.tally.get("finished") >= ahead[worker.slot]
            if is_time and worker.tally.get("running") >= at_least and worker.kill_busy(at_least):
                return worker
        return None

    return wait_until(strike, limit_s, f"a worker with {at_least} events under way")
