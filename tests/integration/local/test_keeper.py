# SPDX-License-Identifier: Apache-2.0
"""No process and no shared memory of a part outlives its owner, whoever of them is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from consumer.errors import Refused
from consumer.local.keeper import SHARED_MEMORY, start_time
from consumer.local.process import Kept, Launch, ProcessId, spawn
from tests.support.processes import Family, segments
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.local.process import Owned

# Like Triton: a child in a session of its own, which knows nothing of its parent's end, and shared memory.
PART = """
import os, pathlib, signal, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
pathlib.Path("/dev/shm", os.environ["KEPT_BY_HANGTAG"] + "segment").touch()
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path("ready").touch()
time.sleep(600)
"""

OWNER = """
import sys, time
from pathlib import Path
from consumer.local.process import Launch, spawn
owned = spawn(Launch([sys.executable, "-c", sys.argv[1]], Path(), Path("log")))
if "release" in sys.argv:
    owned.release()
    print(owned.kept.keeper.pid, owned.kept.keeper.started, owned.kept.server.pid, owned.kept.server.started)
    print(owned.kept.token, flush=True)
time.sleep(600)
"""


@pytest.fixture
def family(monkeypatch: pytest.MonkeyPatch) -> Iterator[Family]:
    """All that the test starts; it must be gone at the end, with its shared memory."""
    started = Family()
    monkeypatch.setenv("STARTED_BY_TEST", started.mark)
    yield started
    started.wait_until_gone()


@pytest.fixture
def part(family: Family, tmp_path: Path) -> Iterator[Owned]:  # noqa: ARG001 - what it starts belongs to the family
    owned = start_part(tmp_path)
    yield owned
    owned.stop()


def start_part(folder: Path, *arguments: str, stop_s: float = 10) -> Owned:
    owned = spawn(Launch([sys.executable, "-c", PART, *arguments], folder, folder / "log", stop_s=stop_s))
    wait_until((folder / "ready").exists, 10)
    return owned


def start_owner(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Another process that owns a part in `folder`."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, PART, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until((folder / "ready").exists, 10)
    return owner


def end(owner: subprocess.Popen[str], number: signal.Signals) -> None:
    os.killpg(owner.pid, number)
    with owner:
        owner.wait(10)


def assert_nothing_is_left(family: Family, tokens: set[str]) -> None:
    assert tokens
    family.wait_until_gone()
    assert not segments(tokens)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_owned_part_ends_with_its_owner(family: Family, tmp_path: Path, number: signal.Signals) -> None:
    owner = start_owner(tmp_path)
    tokens = family.tokens()
    assert segments(tokens)

    end(owner, number)

    assert_nothing_is_left(family, tokens)


def test_a_released_part_survives_its_owner_and_another_process_stops_it(family: Family, tmp_path: Path) -> None:
    owner = start_owner(tmp_path, "release")
    assert owner.stdout is not None
    keeper, keeper_started, server, server_started = map(int, owner.stdout.readline().split())
    token = owner.stdout.readline().strip()
    kept = Kept(ProcessId(keeper, keeper_started), ProcessId(server, server_started), token, 10)

    end(owner, signal.SIGKILL)
    assert kept.is_alive
    kept.stop()

    assert not family.living()
    assert not segments({token})


def test_stop_returns_when_children_in_other_sessions_and_shared_memory_are_gone(
    family: Family, tmp_path: Path
) -> None:
    part = start_part(tmp_path)
    tokens = family.tokens()
    assert len(family.living()) > 2
    assert segments(tokens)

    part.stop()

    assert not family.living()
    assert not segments(tokens)


def test_a_part_that_ignores_sigterm_is_killed_after_its_time(family: Family, tmp_path: Path) -> None:
    part = start_part(tmp_path, "stubborn", stop_s=0.2)

    part.stop()

    assert not family.living()


def test_a_crash_of_the_server_takes_its_children_and_its_keeper_along(family: Family, part: Owned) -> None:
    tokens = family.tokens()

    os.kill(part.kept.server.pid, signal.SIGKILL)

    assert_nothing_is_left(family, tokens)
    assert not part.kept.is_alive


def test_a_crash_of_the_keeper_ends_the_server_and_stop_cleans_the_rest(family: Family, part: Owned) -> None:
    tokens = family.tokens()

    os.kill(part.kept.keeper.pid, signal.SIGKILL)
    wait_until(lambda: not part.kept.server.is_alive, 10)
    part.stop()

    assert not family.living()
    assert not segments(tokens)


def test_a_crash_of_owner_and_keeper_at_once_ends_the_server(family: Family, tmp_path: Path) -> None:
    owner = start_owner(tmp_path)
    (token,) = family.tokens()
    (keeper,) = [pid for pid in family.living() if b"keeper.py" in command_line(pid)]
    (server,) = [pid for pid in family.living() if parent(pid) == keeper]
    kept = Kept(identity(keeper), identity(server), token, 10)

    os.kill(keeper, signal.SIGKILL)
    end(owner, signal.SIGKILL)

    wait_until(lambda: not kept.server.is_alive, 10)
    kept.stop()
    assert not family.living()
    assert not segments({token})


def command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def identity(pid: int) -> ProcessId:
    return ProcessId(pid, start_time(pid) or 0)


def test_a_later_process_with_the_same_number_is_not_touched(part: Owned) -> None:
    server = part.kept.server
    earlier = ProcessId(server.pid, server.started - 1)

    earlier.terminate()

    assert not earlier.is_alive
    assert earlier.wait(0)
    assert not server.wait(0.2)


def test_a_process_that_waits_to_be_reaped_counts_as_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])

    wait_until(lambda: start_time(child.pid) is None, 10)

    assert child.wait() == 0


def test_a_strangers_segment_stays(family: Family, tmp_path: Path) -> None:
    stranger = SHARED_MEMORY / f"hangtag-stranger-{family.mark}"
    stranger.touch()
    try:
        start_part(tmp_path).stop()

        assert stranger.exists()
    finally:
        stranger.unlink()


def test_what_cannot_be_executed_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no-such-program"):
        spawn(Launch(["/no-such-program"], tmp_path, tmp_path / "log"))


def test_a_finite_process_gives_its_status_and_one_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    failing = spawn(Launch([sys.executable, "-c", "raise SystemExit(3)"], tmp_path, tmp_path / "log"))
    endless = spawn(Launch([sys.executable, "-c", "import time; time.sleep(600)"], tmp_path, tmp_path / "log"))

    assert failing.wait(10) == 3
    assert endless.wait(0.1) != 0
    assert not endless.kept.server.is_alive
