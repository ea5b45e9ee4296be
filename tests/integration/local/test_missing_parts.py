# SPDX-License-Identifier: Apache-2.0
"""What is not installed is named, with the command that installs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from consumer.errors import Refused
from consumer.local import parts
from consumer.local.jars import java, kafka_jars
from consumer.local.wheel import find_triton
from tests.support.triton import require_triton

if TYPE_CHECKING:
    from pathlib import Path


def put_on_path(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_without_java_the_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Refused, match="Java 17 is missing; to install it: apt-get install openjdk-17"):
        parts.up(tmp_path / "state", progress=print)

    assert not list((tmp_path / "state").glob("*.json"))


def test_a_java_that_is_too_old_is_told_apart_from_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put_on_path(tmp_path, monkeypatch, "java", """echo 'openjdk version "11.0.22" 2024-01-16' >&2""")

    with pytest.raises(Refused, match=r'needs Java 17, .* is openjdk version "11\.0\.22"'):
        java()


def test_without_maven_and_without_cached_jars_the_package_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    with pytest.raises(Refused, match=r"Maven is missing.* apt-get install maven"):
        kafka_jars(tmp_path, print)


def test_a_failed_fetch_shows_the_end_of_mavens_log_and_leaves_no_half_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put_on_path(tmp_path, monkeypatch, "mvn", "echo 'Could not transfer artifact'; exit 1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    with pytest.raises(Refused, match="Could not transfer artifact"):
        kafka_jars(tmp_path / "logs", print)

    assert not list((tmp_path / "cache" / "hangtag").iterdir())


def test_without_the_extra_the_install_command_is_named() -> None:
    without_site_packages = [sys.executable, "-S", "-c", "from consumer.local.wheel import find_triton; find_triton()"]

    done = subprocess.run(without_site_packages, capture_output=True, text=True, check=False)

    assert "Refused: Triton or its CPU runtime is missing; to install them: pip install " in done.stderr
    assert "-e '.[local]'" in done.stderr


def test_a_missing_libpython_is_named_with_its_debian_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    require_triton()
    put_on_path(tmp_path, monkeypatch, "ldd", "echo '	libpython3.11.so.1.0 => not found'")

    with pytest.raises(Refused, match=r"libpython3\.11\.so\.1\.0 is missing.* apt-get install libpython3\.11"):
        find_triton()


def test_the_loader_finds_every_library_of_the_stub_here() -> None:
    require_triton()

    assert shutil.which("ldd")
    assert find_triton().server.is_file()
