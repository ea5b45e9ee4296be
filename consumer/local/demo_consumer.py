# SPDX-License-Identifier: Apache-2.0
"""`hangtag run` as a child of the demo: started with its settings, watched by its metrics, stopped as in production."""

from __future__ import annotations

import http.client
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from consumer.errors import Refused
from consumer.local.process import Launch, last_words, spawn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

READY_LIMIT_S = 60.0
#: The consumer is given up when it finishes no event for so long.
STALL_LIMIT_S = 60.0
STOP_LIMIT_S = 20.0
_PAUSE_S = 0.1

_FINISHED = re.compile(r'^hangtag_events_total\{outcome="\w+"\} (\S+)$', re.MULTILINE)


def only(settings: Mapping[str, str]) -> dict[str, str]:
    """The variables that leave nothing but `settings`, whatever is inherited: an empty one counts as unset."""
    inherited = (name for name in os.environ if name.startswith("HANGTAG_"))
    return {**dict.fromkeys(inherited, ""), **settings}


class DemoConsumer:
    """A running consumer. It dies with this process, whatever kills it. Use it as a context manager."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        """`folder` is empty and takes its log."""
        self._log = folder / "consumer.log"
        self._port_file = folder / "health-port"
        command = [sys.executable, "-P", "-m", "consumer", "run", "--health-port-file", str(self._port_file)]
        # In that folder is no hangtag.toml: with what the shell exports left out, the settings are those given.
        settings = {"PYTHONPATH": str(Path(__file__).parents[2]), **only({"HANGTAG_HEALTH__PORT": "0", **environment})}
        self._process = spawn(Launch(command, folder, self._log, settings, stop_s=STOP_LIMIT_S))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.stop()

    def wait_until_ready(self) -> None:
        """Block until it would take traffic. Raises Refused with the end of its log when it does not get there."""
        deadline = time.monotonic() + READY_LIMIT_S
        while self._ask("/readyz") is None:
            self._check(deadline, f"it is not ready after {READY_LIMIT_S:.0f} s")

    def wait_until_finished(self, count: int, advance: Callable[[int, int], None]) -> None:
        """Block until it finished `count` events; `advance` hears how many. Raises Refused when it ends or stalls."""
        finished, deadline = 0, time.monotonic() + STALL_LIMIT_S
        while finished < count:
            now = sum(map(float, _FINISHED.findall(self._ask("/metrics") or "")))
            if now > finished:
                finished, deadline = int(now), time.monotonic() + STALL_LIMIT_S
                advance(min(finished, count), count)
            else:
                self._check(deadline, f"it finished {finished} of {count} events and no more")

    def stop(self) -> None:
        """SIGTERM, and return when it has committed and ended. Raises Refused when its exit status is not 0."""
        self._process.kept.server.terminate()
        status = self._process.wait(STOP_LIMIT_S)
        if status != 0:
            raise Refused(f"hangtag run ended with status {status}; the end of {self._log}:\n{last_words(self._log)}")

    def _check(self, deadline: float, complaint: str) -> None:
        """Wait a moment; raises Refused when the process is gone or the deadline over."""
        is_gone = not self._process.kept.is_alive
        if is_gone or time.monotonic() > deadline:
            what = "it ended" if is_gone else complaint
            raise Refused(f"hangtag run: {what}; the end of {self._log}:\n{last_words(self._log)}")
        time.sleep(_PAUSE_S)

    def _ask(self, page: str) -> str | None:
        """The page's text; None while there is none, or it says no."""
        try:
            port = int(self._port_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", page)
            answer = connection.getresponse()
            body = answer.read().decode()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        return body if answer.status == http.client.OK else None
