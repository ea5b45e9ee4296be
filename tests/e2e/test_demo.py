# SPDX-License-Identifier: Apache-2.0
"""The demo as a command, on real parts; and that it leaves nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from consumer.catalogue.products import Trouble, make_products
from consumer.local import parts
from consumer.local.jars import JAVA_INSTALL, MAVEN_INSTALL
from tests.support.processes import Family, segments
from tests.support.require import require
from tests.support.triton import require_triton
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = [pytest.mark.kafka, pytest.mark.triton, pytest.mark.slow, pytest.mark.timeout(240)]

RUN_LIMIT_S = 150
MOMENT_LIMIT_S = 90
PRODUCTS = 80  # enough for every kind of trouble

SUMMARY = [
    "events_in", "events_out", "degraded", "dead_lettered", "seconds", "products_per_s", "delivery", "kafka_version",
    "triton_version", "bundle", "accuracy",
]  # fmt: skip


def demo(state: Path, *options: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "consumer", "demo", "--state", str(state), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny bundle, for parts that can start."""
    require("Java 17", shutil.which("java") is not None, JAVA_INSTALL)
    require("Maven", shutil.which("mvn") is not None, MAVEN_INSTALL)
    require_triton()
    from tests.support.bundles import write_tiny_bundle  # needs onnx, which only makers of bundles have

    return write_tiny_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory, bundle: Path) -> Iterator[Path]:
    """A state folder whose parts run."""
    folder = tmp_path_factory.mktemp("demo")
    with parts.start(folder, bundle=bundle, progress=print):
        yield folder


@pytest.fixture(scope="module")
def summary(state: Path) -> dict[str, Any]:
    """Of one run."""
    running = demo(state, "--products", str(PRODUCTS), "--seed", "5", "--output", "json")
    printed, complaints = running.communicate(timeout=RUN_LIMIT_S)
    assert running.returncode == 0, complaints
    found: dict[str, Any] = json.loads(printed)
    return found


def test_every_event_comes_out_once_or_is_a_dead_letter(summary: dict[str, Any]) -> None:
    troubles = [product.trouble for product in make_products(PRODUCTS, 5)]

    assert list(summary) == SUMMARY
    assert summary["events_in"] == PRODUCTS == summary["events_out"] + summary["dead_lettered"]
    assert summary["dead_lettered"] == troubles.count(Trouble.BROKEN_RECORD) == 1
    assert summary["degraded"] == sum(trouble in {Trouble.DEAD_LINK, Trouble.PRIVATE_REDIRECT} for trouble in troubles)
    assert summary["delivery"] == "exactly_once"
    assert summary["kafka_version"] == "4.1.0"


def test_the_tags_are_held_against_what_was_drawn(summary: dict[str, Any]) -> None:
    accuracy = summary["accuracy"]

    assert list(accuracy) == ["category", "gender", "color", "untitled", "n", "n_untitled"]
    assert accuracy["n"] == PRODUCTS - 2  # one is deleted, one is a dead letter
    assert 0 < accuracy["n_untitled"] < accuracy["n"]
    assert all(0 <= accuracy[task] <= 1 for task in ("category", "gender", "color"))


def test_a_second_run_on_the_same_parts_meets_nothing_of_the_first(state: Path, summary: dict[str, Any]) -> None:
    del summary

    again = demo(state, "--products", "12", "--seed", "5")
    printed, complaints = again.communicate(timeout=RUN_LIMIT_S)

    assert again.returncode == 0, complaints
    assert "12 events in, 12 out" in printed
    assert "hangtag events tail --topic demo-" in printed
    assert None not in {parts.status(state).kafka, parts.status(state).triton, parts.status(state).images}


def test_parts_that_serve_another_bundle_are_refused(state: Path, tmp_path: Path) -> None:
    refused = demo(state, "--bundle", str(tmp_path))
    _, complaints = refused.communicate(timeout=RUN_LIMIT_S)

    assert refused.returncode == 11
    assert "hangtag local down" in complaints


@pytest.mark.parametrize("moment", ["lock", "triton.json", "kafka.json", "demo-*/consumer.log", "demo-*/feed.jsonl"])
def test_ctrl_c_at_any_moment_leaves_nothing(tmp_path: Path, bundle: Path, moment: str) -> None:
    family, folder = Family(), tmp_path / "state"
    running = demo(folder, "--bundle", str(bundle), "--products", "40", environment=family.environment)
    wait_until(lambda: any(folder.glob(moment)), MOMENT_LIMIT_S, moment)
    tokens = family.tokens()

    running.send_signal(signal.SIGINT)
    _, complaints = running.communicate(timeout=RUN_LIMIT_S)

    assert running.returncode == 130, complaints
    family.wait_until_gone()
    assert segments(tokens) == []
    assert not [*folder.glob("demo-*"), *folder.glob("images/demo-*"), *folder.glob("*/demo-*/*.jpg")]


def test_without_java_the_mock_cluster_takes_its_place_and_the_demo_says_so(tmp_path: Path, bundle: Path) -> None:
    old = tmp_path / "bin" / "java"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho 'openjdk version \"11.0.22\"' >&2\n")
    old.chmod(0o755)
    path = f"{old.parent}{os.pathsep}{os.environ['PATH']}"

    running = demo(
        tmp_path / "state", "--bundle", str(bundle), "--products", "20", environment=os.environ | {"PATH": path}
    )
    printed, complaints = running.communicate(timeout=RUN_LIMIT_S)

    assert running.returncode == 0, complaints
    assert "20 events in" in printed
    assert "(at_least_once)" in printed
    assert "There is no Java here" in printed
