# SPDX-License-Identifier: Apache-2.0
"""How `hangtag run` starts where something is wrong or not there yet."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.bundles import write_tiny_bundle
from tests.support.consumer import run_consumer
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.triton import Triton

NOBODY = "127.0.0.1:9"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny"))


def refused(*options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The end of a start that must not come up."""
    return subprocess.run(
        [sys.executable, "-m", "consumer", "run", *options],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_without_triton_it_waits_says_so_and_is_not_ready(tmp_path: Path, bundle: str) -> None:
    settings = {
        "HANGTAG_KAFKA__BOOTSTRAP_SERVERS": NOBODY,
        "HANGTAG_TRITON__GRPC": NOBODY,
        "HANGTAG_TRITON__BUNDLE": bundle,
    }
    with run_consumer(tmp_path, settings) as consumer:
        wait_until(lambda: consumer.events("waiting_for_triton"), 20, "the word that it waits")

        assert consumer.ask("livez")[0] == 200
        assert consumer.ask("readyz")[0] == 503
        assert any("triton" in reason for reason in consumer.obstacles())
        assert consumer.stop() == 0


@pytest.mark.triton
def test_without_kafka_it_waits_says_so_and_is_not_ready(tmp_path: Path, triton: Triton) -> None:
    settings = {
        "HANGTAG_KAFKA__BOOTSTRAP_SERVERS": NOBODY,
        "HANGTAG_TRITON__GRPC": triton.grpc,
        "HANGTAG_TRITON__READ_KEY": triton.read_key,
        "HANGTAG_TRITON__BUNDLE": str(triton.bundle),
        "HANGTAG_ENGINE__DRAIN_S": "1",
    }
    with run_consumer(tmp_path, settings) as consumer:
        wait_until(lambda: consumer.events("waiting_for_kafka"), 30, "the word that it waits")

        assert consumer.ask("livez")[0] == 200
        assert consumer.ask("readyz")[0] == 503
        assert any("Kafka" in reason for reason in consumer.obstacles()), consumer.obstacles()
        assert consumer.stop() == 0


def test_wrong_settings_are_all_listed_and_exit_with_2() -> None:
    ended = refused(HANGTAG_ENGINE__SLOTS="none", HANGTAG_KAFKA__START="yesterday", HANGTAG_NO_SUCH__THING="1")

    assert ended.returncode == 2
    assert "engine.slots" in ended.stderr
    assert "kafka.start" in ended.stderr
    assert "HANGTAG_NO_SUCH__THING" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_bundle_folder_that_is_not_there_exits_with_2(tmp_path: Path) -> None:
    ended = refused(HANGTAG_TRITON__BUNDLE=str(tmp_path / "nowhere"))

    assert (ended.returncode, "nowhere" in ended.stderr) == (2, True)


def test_a_port_file_that_cannot_be_written_exits_with_2(tmp_path: Path, bundle: str) -> None:
    ended = refused(
        "--health-port-file",
        str(tmp_path / "nowhere" / "port"),
        HANGTAG_HEALTH__PORT="0",
        HANGTAG_TRITON__BUNDLE=bundle,
    )

    assert (ended.returncode, "--health-port-file" in ended.stderr) == (2, True)
    assert "Traceback" not in ended.stderr


def test_a_health_port_that_is_taken_exits_with_11_and_says_what_to_do(bundle: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = refused(HANGTAG_HEALTH__PORT=str(taken.getsockname()[1]), HANGTAG_TRITON__BUNDLE=bundle)

    assert ended.returncode == 11
    assert "HANGTAG_HEALTH__PORT" in ended.stderr
