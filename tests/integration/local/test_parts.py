# SPDX-License-Identifier: Apache-2.0
"""`hangtag local`: all parts together, as a person uses them, and as they are left by whoever kills what."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from consumer.local import parts
from consumer.local.state import State
from tests.support.bundles import write_tiny_bundle
from tests.support.kafka import require_kafka
from tests.support.processes import Family, segments
from tests.support.triton import require_triton
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.kafka, pytest.mark.triton, pytest.mark.slow, pytest.mark.timeout(300)]

COMMAND_LIMIT_S = 120


@dataclass(frozen=True, slots=True)
class Local:
    """The commands on one state folder; everything they start belongs to `family`."""

    state: Path
    bundle: Path
    family: Family

    def begin(self, command: str, *options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "consumer", "local", command, "--state", str(self.state), *options],
            env=self.family.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str, *options: str) -> subprocess.CompletedProcess[str]:
        with self.begin(command, *options) as process:
            output, errors = process.communicate(timeout=COMMAND_LIMIT_S)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def up(self) -> subprocess.CompletedProcess[str]:
        done = self.run("up", "--bundle", str(self.bundle))
        assert done.returncode == 0, done.stderr
        return done

    def status(self) -> dict[str, dict[str, str | int]]:
        answer: dict[str, dict[str, str | int]] = json.loads(self.run("status", "--output", "json").stdout)
        return answer


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Local]:
    require_kafka()
    require_triton()
    commands = Local(tmp_path / "state", write_tiny_bundle(tmp_path / "bundle"), Family())
    yield commands
    commands.run("down")
    commands.family.wait_until_gone()


def test_parts_start_once_outlive_the_command_and_leave_nothing_after_down(local: Local) -> None:
    both = [local.begin("up", "--bundle", str(local.bundle)) for _ in range(2)]
    said = [command.communicate(timeout=COMMAND_LIMIT_S)[1] for command in both]
    tokens = local.family.tokens()
    before = local.status()

    assert [command.returncode for command in both] == [0, 0]
    assert sorted("already running" in words for words in said) == [False, True]
    assert len(tokens) == 3
    assert {name: list(fields) for name, fields in before.items()} == {
        "kafka": ["bootstrap_servers", "version", "pid"],
        "triton": ["grpc", "http", "metrics", "version", "pid"],
        "images": ["url", "root", "pid"],
    }
    assert (before["kafka"]["version"], before["triton"]["version"]) == ("4.1.0", "2.51.0")
    assert segments(tokens)
    assert settings_after(local) == {
        "bootstrap_servers": before["kafka"]["bootstrap_servers"],
        "grpc": before["triton"]["grpc"],
        "bundle": str(local.bundle),
        "allow_private": [f"127.0.0.1/32:{str(before['images']['url']).rpartition(':')[2]}"],
    }

    assert local.run("down").returncode == 0

    assert not local.family.living()
    assert not segments(tokens)
    assert local.status() == {"kafka": None, "triton": None, "images": None}
    assert local.run("down").returncode == 0
    assert local.run("env").returncode == 11
    assert {"kafka.log", "triton.log", "images.log"} <= {path.name for path in (local.state / "logs").iterdir()}


def settings_after(local: Local) -> dict[str, object]:
    """What a command sees that a shell starts after `eval "$(hangtag local env)"`."""
    script = (
        "import json; from consumer.settings import load_settings; s = load_settings(); assert s.triton.read_key;"
        "print(json.dumps({'bootstrap_servers': s.kafka.bootstrap_servers, 'grpc': s.triton.grpc,"
        "'bundle': str(s.triton.bundle), 'allow_private': s.images.allow_private}))"
    )
    shell = f'eval "$({sys.executable} -m consumer local env --state {local.state})" && {sys.executable} -c "{script}"'
    done = subprocess.run(["sh", "-c", shell], env=local.family.environment, capture_output=True, text=True, check=True)
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_a_crashed_part_is_cleaned_up_and_only_it_is_started_again_on_its_old_ports(local: Local) -> None:
    local.up()
    tokens = local.family.tokens()
    before = local.status()

    os.kill(int(before["triton"]["pid"]), signal.SIGKILL)
    wait_until(lambda: len(local.family.tokens()) == len(tokens) - 1, 20, "the end of Triton's processes")
    crashed = local.status()
    local.up()
    after = local.status()

    assert crashed == before | {"triton": None}
    assert (after["kafka"], after["images"]) == (before["kafka"], before["images"])
    assert after["triton"]["pid"] != before["triton"]["pid"]
    assert after["triton"]["grpc"] == before["triton"]["grpc"]
    gone = tokens - local.family.tokens()
    assert len(gone) == 1
    assert not segments(gone)

    crash_with_keeper(local, "triton")

    assert local.status() == crashed


def crash_with_keeper(local: Local, part: str) -> None:
    """Kill server and keeper; then `status` removes what is left."""
    record = State(local.state).read(part)
    assert record is not None
    os.kill(record.kept.keeper.pid, signal.SIGKILL)
    os.kill(record.kept.server.pid, signal.SIGKILL)
    local.status()
    assert record.kept.token not in local.family.tokens()
    assert not segments({record.kept.token})


@pytest.mark.parametrize("moment", ["starting triton", "starting kafka", "triton is ready"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_of_a_start_that_is_broken_off(local: Local, moment: str, number: signal.Signals) -> None:
    with local.begin("up", "--bundle", str(local.bundle)) as command:
        assert command.stderr is not None
        tokens: set[str] = set()
        for line in command.stderr:
            tokens |= local.family.tokens()
            if moment in line:
                break
        os.killpg(command.pid, number)
        command.communicate(timeout=COMMAND_LIMIT_S)

    local.family.wait_until_gone()
    assert command.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    assert not segments(tokens)
    assert local.status() == {"kafka": None, "triton": None, "images": None}


def test_a_start_that_fails_half_way_stops_what_it_started_and_shows_why(local: Local) -> None:
    data = local.state / "kafka" / "data"
    data.mkdir(parents=True)
    (data / "meta.properties").write_text("version=1\nnode.id=7\ncluster.id=another\n")

    done = local.run("up", "--bundle", str(local.bundle))

    assert done.returncode == 11
    assert "kafka ended instead of starting" in done.stderr
    assert "Traceback" not in done.stderr
    assert not local.family.living()


def test_owned_parts_die_with_a_killed_owner(local: Local) -> None:
    script = (
        "import sys, time; from pathlib import Path; from consumer.local import parts\n"
        "with parts.start(Path(sys.argv[1]), bundle=Path(sys.argv[2]), progress=print):\n"
        "    print('all up', flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", script, str(local.state), str(local.bundle)]
    with subprocess.Popen(command, env=local.family.environment, stdout=subprocess.PIPE, text=True) as owner:
        said = owner.stdout
        assert said is not None
        wait_until(lambda: "all up" in said.readline(), COMMAND_LIMIT_S)
        tokens = local.family.tokens()
        assert len(tokens) == 3
        assert segments(tokens)

        owner.kill()

    local.family.wait_until_gone()
    assert not segments(tokens)
    assert parts.status(local.state) == parts.PartsStatus(None, None, None)
