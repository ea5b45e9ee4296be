# SPDX-License-Identifier: Apache-2.0
"""A roll-out: the version before and this one are members of one group, and take over from each other at work."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from collections import defaultdict
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from consumer.headers import last_value
from tests.support.consumer import run_consumer, settings_between
from tests.support.flow import Ends, upsert
from tests.support.require import require
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from tests.support.consumer import RunningConsumer
    from tests.support.kafka import Kafka
    from tests.support.triton import Triton

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.triton,
    pytest.mark.slow,
    pytest.mark.full,
    pytest.mark.timeout(400),
]

ROOT = Path(__file__).parents[2]
KEYS, VERSIONS = 400, 20
EVENTS = KEYS * VERSIONS
LIMIT_S = 90
#: Takeovers wait for both.
TIMEOUTS = {"HANGTAG_KAFKA__SESSION_TIMEOUT_S": "6", "HANGTAG_KAFKA__TRANSACTION_TIMEOUT_S": "5"}


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What makes `python -m consumer` run the program as it was before its last change, from its wheel."""
    history = _git("log", "-2", "--format=%H", "--", "consumer").decode().split()
    require("the commit before", len(history) == 2, "git fetch --deepen 100")
    tree, built, installed = (tmp_path_factory.mktemp(name) for name in ("tree", "built", "installed"))
    with tarfile.open(fileobj=BytesIO(_git("archive", history[1]))) as archive:
        archive.extractall(tree, filter="data")
    commands: tuple[list[str | Path], ...] = (
        ["build", "--wheel", "--no-isolation", "--outdir", built, tree],
        [
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--target",
            installed,
            "--find-links",
            built,
            "hangtag",
        ],
    )
    for command in commands:
        subprocess.run([sys.executable, "-m", *command], check=True, stdout=subprocess.DEVNULL)
    environment = {"PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    where = subprocess.run(
        [sys.executable, "-c", "import consumer; print(consumer.__file__)"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(installed))
    return environment


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True).stdout


def committed(consumer: RunningConsumer) -> int:
    return sum(line["results"] for line in consumer.events("transaction_committed"))


def wait_until_at_work(consumer: RunningConsumer) -> None:
    """It has published something from now on."""
    so_far = committed(consumer)
    wait_until(lambda: committed(consumer) > so_far, LIMIT_S, f"results; the log says: {consumer.log_tail()}")


def test_two_versions_take_over_from_each_other_under_load(
    kafka: Kafka, triton: Triton, before: dict[str, str], tmp_path: Path
) -> None:
    ends = Ends(kafka.bootstrap_servers, kafka.create_topics(4))
    settings = settings_between(ends, triton) | TIMEOUTS
    old, new = ({**settings, "HANGTAG_KAFKA__SLOT": slot, **more} for slot, more in (("0", before), ("1", {})))
    folders = [tmp_path / name for name in ("old", "new", "old-again")]
    for folder in folders:
        folder.mkdir()

    def feed(first: int, last: int) -> None:
        ends.send(upsert(f"sku-{n}", version=version) for version in range(first, last + 1) for n in range(KEYS))

    feed(1, 8)
    with run_consumer(folders[1], new) as second:
        with run_consumer(folders[0], old) as first:
            wait_until_at_work(first)
            wait_until_at_work(second)
            first.process.kill()
            first.process.wait()
        wait_until(lambda: len(second.events("partitions_assigned")[-1]["partitions"]) == 4, LIMIT_S, "all for the new")
        feed(9, 14)
        wait_until_at_work(second)
        with run_consumer(folders[2], old) as third:
            feed(15, VERSIONS)
            wait_until_at_work(third)
            second.process.kill()
            second.process.wait()
            under_way = len(ends.read(ends.topics.attributes))
            ends.wait_for_outcomes(EVENTS, third, LIMIT_S)
            assert third.stop() == 0

    published = ends.read(ends.topics.attributes)
    assert len(published) == len({last_value(record.headers, "hangtag.source") for record in published}) == EVENTS
    versions = defaultdict(list)
    for record in published:
        versions[record.key].append(int(last_value(record.headers, "ce_productversion") or 0))
    out_of_order = {key: found for key, found in versions.items() if found != list(range(1, VERSIONS + 1))}
    assert out_of_order == {}
    assert len(versions) == KEYS
    assert under_way < EVENTS, "the last takeover was not under load"
