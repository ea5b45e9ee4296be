# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from consumer.local.demo_folders import run_folders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUN = """
import sys
from pathlib import Path
from consumer.local.demo_folders import run_folders
with run_folders(*map(Path, sys.argv[1:]), is_kept=False):
    for folder in sys.argv[1:]:
        Path(folder, "file").touch()
    print("made", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_run(*folders: Path) -> Iterator[subprocess.Popen[str]]:
    """In a process of its own, which has made its folders."""
    command = [sys.executable, "-c", RUN, *map(str, folders)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "made\n"
        yield process


def names(*roots: Path) -> list[list[str]]:
    return [sorted(path.name for path in root.iterdir()) for root in roots]


def test_what_a_killed_run_left_goes_with_the_next_and_what_lives_or_was_kept_stays(tmp_path: Path) -> None:
    state, images = tmp_path / "state", tmp_path / "images"
    with run_folders(state / "demo-kept", images / "demo-kept", is_kept=True):
        pass
    with another_run(state / "demo-killed", images / "demo-killed") as killed:
        killed.kill()
    assert names(state, images) == [["demo-kept", "demo-killed"]] * 2

    with (
        another_run(state / "demo-living", images / "demo-living"),
        run_folders(state / "demo-own", images / "demo-own", is_kept=False),
    ):
        assert names(state, images) == [["demo-kept", "demo-living", "demo-own"]] * 2

    assert names(state, images) == [["demo-kept"]] * 2
    assert names(state / "demo-kept") == [[]]


def begin_a_log_and_fail(log: Path) -> None:
    log.touch()
    raise OSError("the demo fails")


def test_after_a_failure_the_folder_stays_for_its_log(tmp_path: Path) -> None:
    log = tmp_path / "demo-failed" / "log"
    with pytest.raises(OSError, match="fails"), run_folders(log.parent, is_kept=False):
        begin_a_log_and_fail(log)
    with run_folders(tmp_path / "demo-next", is_kept=False):
        pass

    assert names(tmp_path, tmp_path / "demo-failed") == [["demo-failed"], ["log"]]


def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), run_folders(tmp_path / "demo-interrupted", is_kept=False):
        raise KeyboardInterrupt

    assert names(tmp_path) == [[]]


@pytest.mark.parametrize("folder", ["unfinished", "demo-unfinished"])
@pytest.mark.parametrize("name", ["unfinished", ".hangtag-demo-run-unlocked"])
def test_a_file_of_the_users_in_the_root_takes_no_folder_away(tmp_path: Path, folder: str, name: str) -> None:
    own = tmp_path / folder / name
    own.parent.mkdir()
    own.touch()

    with run_folders(tmp_path / "demo-next", is_kept=False):
        pass

    assert own.is_file()


def test_only_folders_named_as_runs_are_taken_away(tmp_path: Path) -> None:
    with another_run(tmp_path / "demo-killed") as killed:
        killed.kill()
    own = (tmp_path / "demo-killed").rename(tmp_path / "holiday")

    with run_folders(tmp_path / "demo-next", is_kept=False):
        pass

    assert (own / "file").is_file()


def test_a_folder_with_the_name_of_the_mark_is_left_alone(tmp_path: Path) -> None:
    with another_run(tmp_path / "demo-killed") as killed:
        killed.kill()
    (left,) = (path for path in (tmp_path / "demo-killed").iterdir() if path.name != "file")
    left.unlink()
    left.mkdir()

    with run_folders(tmp_path / "demo-next", is_kept=False):
        pass

    assert left.is_dir()
