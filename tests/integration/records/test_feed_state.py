# SPDX-License-Identifier: Apache-2.0
"""Only what changed, and what left the feed, on the real broker; a push that is killed loses neither."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from typer.testing import CliRunner

from consumer.cli import app
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from consumer.settings import KafkaSettings, TopicSettings

pytestmark = pytest.mark.kafka

PARTITIONS = 3
ROWS = 5_000
FIRST_LIMIT_S = 60


class Shop:
    """A vendor's feed file, and pushes of it."""

    def __init__(self, folder: Path, topic: str) -> None:
        self.file = folder / "products.csv"
        self.topic = topic
        self.arguments = ["feed", "push", str(self.file), "--format", "csv", "--vendor", "acme"]
        self.arguments += ["--state", str(folder / "state"), "--output", "json"]

    def write(self, titles: Iterable[tuple[int, str]]) -> None:
        self.file.write_text("sku,title\n" + "".join(f"{sku},{title}\n" for sku, title in titles))

    def push(self, *options: str) -> dict[str, Any]:
        result = CliRunner().invoke(app, [*self.arguments, *options])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return {"exit_code": result.exit_code, **json.loads(result.stdout)}

    def start_push(self, *options: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "consumer", *self.arguments, *options], stdout=subprocess.PIPE)

    def last_events(self) -> dict[str, tuple[str, str]]:
        """Type and title of the newest event of each product."""
        result = CliRunner().invoke(app, ["events", "tail", "--topic", self.topic, "--output", "json"])
        values = [json.loads(line)["value"] for line in result.stdout.splitlines()]
        return {value["sku"]: (value["event_type"], value["title"]) for value in values}


@pytest.fixture
def shop(tmp_path: Path, broker: KafkaSettings, topics: TopicSettings) -> Shop:
    assert broker.bootstrap_servers
    return Shop(tmp_path, topics.events)


@pytest.fixture
def watcher(broker: KafkaSettings) -> Iterator[Consumer]:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": "watcher"})
    yield consumer
    consumer.close()


def arrived(watcher: Consumer, topic: str) -> int:
    marks = [watcher.get_watermark_offsets(TopicPartition(topic, number)) for number in range(PARTITIONS)]
    return sum(high for _, high in marks)


def test_only_what_changed_is_sent(shop: Shop) -> None:
    shop.write((sku, f"Shirt {sku}") for sku in range(50))

    first = shop.push("--changed-only")
    again = shop.push("--changed-only")
    shop.write((sku, "Blouse" if sku == 7 else f"Shirt {sku}") for sku in range(51))
    changed = shop.push("--changed-only")

    assert (first["events"], first["unchanged"]) == (50, 0)
    assert (again["events"], again["unchanged"]) == (0, 50)
    assert (changed["events"], changed["unchanged"]) == (2, 49)
    assert shop.last_events()["7"] == ("upsert", "Blouse")


def test_a_plain_push_keeps_the_state_up_to_date(shop: Shop) -> None:
    shop.write([(1, "old")])
    shop.push("--changed-only")
    shop.write([(1, "new")])
    shop.push()
    shop.write([(1, "old")])

    assert shop.push("--changed-only")["events"] == 1
    assert shop.last_events() == {"1": ("upsert", "old")}


def test_rows_of_one_product_all_go_and_the_last_one_wins_every_time(shop: Shop) -> None:
    shop.write([(1, "first"), (2, "other"), (1, "last")])

    assert [shop.push("--changed-only")["events"] for _ in range(2)] == [3, 2]
    assert shop.last_events()["1"] == ("upsert", "last")


def test_what_left_a_full_feed_is_withdrawn_once_and_only_with_execute(shop: Shop) -> None:
    shop.write((sku, f"Shirt {sku}") for sku in range(50))
    first = shop.push("--full-feed", "--execute")
    shop.write((sku, f"Shirt {sku}") for sku in range(3, 50))

    plan = shop.push("--full-feed", "--changed-only")
    before = shop.last_events()
    done = shop.push("--full-feed", "--changed-only", "--execute")
    after = shop.last_events()
    again = shop.push("--full-feed", "--changed-only", "--execute")

    assert first["exit_code"] == 1
    assert "no earlier state" in first["departures"]["refused"]
    assert plan["dry_run"]
    assert plan["departures"] == {
        "known": 50,
        "left": 3,
        "first": ["acme:0", "acme:1", "acme:2"],
        "refused": None,
    }
    assert {kind for kind, _ in before.values()} == {"upsert"}
    assert (done["exit_code"], done["deleted"], done["unchanged"]) == (0, 3, 47)
    assert {sku for sku, (kind, _) in after.items() if kind == "delete"} == {"0", "1", "2"}
    assert (again["departures"]["known"], again["departures"]["left"], again["deleted"]) == (47, 0, 0)


def test_a_cut_feed_withdraws_nothing_though_its_rows_go(shop: Shop) -> None:
    shop.write((sku, f"Shirt {sku}") for sku in range(50))
    shop.push("--changed-only")
    shop.write((sku, "Blouse") for sku in range(40))

    cut = shop.push("--full-feed", "--execute")

    assert (cut["exit_code"], cut["events"], cut["deleted"]) == (1, 40, 0)
    assert "10 of 50 products, more than 10%, left the feed" in cut["departures"]["refused"]
    assert {kind for kind, _ in shop.last_events().values()} == {"upsert"}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_killed_push_loses_no_change_not_even_one_that_is_taken_back(shop: Shop, watcher: Consumer) -> None:
    shop.write((sku, "before") for sku in range(ROWS))
    shop.push("--changed-only")
    shop.write((sku, "during") for sku in range(ROWS))

    with shop.start_push("--changed-only") as killed:
        wait_until(lambda: arrived(watcher, shop.topic) > ROWS + 200, FIRST_LIMIT_S, "the first changes")
        killed.send_signal(signal.SIGKILL)
    shop.write((sku, "before") for sku in range(ROWS))
    repaired = shop.push("--changed-only")

    assert killed.returncode == -signal.SIGKILL
    assert ROWS > repaired["events"] >= 200
    assert repaired["events"] + repaired["unchanged"] == ROWS
    assert set(shop.last_events().values()) == {("upsert", "before")}
    assert shop.push("--changed-only")["unchanged"] == ROWS


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_full_feed_that_is_killed_while_it_withdraws_is_finished_by_the_next(shop: Shop, watcher: Consumer) -> None:
    shop.write((sku, "shirt") for sku in range(ROWS))
    shop.push("--changed-only")
    shop.write((sku, "shirt") for sku in range(10))
    options = ["--full-feed", "--changed-only", "--allow-deletes", "--execute"]

    with shop.start_push(*options) as killed:
        wait_until(lambda: arrived(watcher, shop.topic) > ROWS + 200, FIRST_LIMIT_S, "the first withdrawals")
        killed.send_signal(signal.SIGKILL)
    rest = shop.push(*options)

    assert killed.returncode == -signal.SIGKILL
    assert rest["departures"]["known"] == rest["departures"]["left"] + 10
    assert 0 < rest["deleted"] <= ROWS - 10
    kinds = [kind for kind, _ in shop.last_events().values()]
    assert (kinds.count("upsert"), kinds.count("delete")) == (10, ROWS - 10)
