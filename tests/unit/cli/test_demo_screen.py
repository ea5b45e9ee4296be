# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from consumer.catalogue.products import Product, Trouble, Truth
from consumer.cli.demo_screen import print_report
from consumer.local.demo import Report
from consumer.local.demo_answers import Answers, accuracy
from consumer.local.kafka import KafkaStatus
from consumer.local.keeper import start_time
from consumer.local.process import Kept, ProcessId
from consumer.local.state import Record, State
from consumer.settings import TopicSettings

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FIGURES = ("events_in", "events_out", "degraded", "dead_lettered", "seconds", "products_per_s")
WORDS = ("delivery", "kafka_version", "triton_version", "bundle")


def report_without_tags() -> Report:
    truth = Truth("aa-1-4", "18", "13", is_titled=True)
    sent = {"v:1": Product("1", "Nordvik", "A dress", truth, (), Trouble.BROKEN_RECORD)}
    answers = Answers((), ("v:1",))
    summary = dict.fromkeys(FIGURES, 1) | dict.fromkeys(WORDS, "exactly_once") | {"accuracy": accuracy(sent, answers)}
    return Report(summary, sent, answers, (), TopicSettings())


def with_running_kafka(state: Path) -> Path:
    """The records of a broker; this process stands for it."""
    us = ProcessId(os.getpid(), start_time(os.getpid()) or 0)
    status = KafkaStatus("127.0.0.1:9", "4.1.0", us.pid)
    State(state).write("kafka", Record(Kept(us, us, "hangtag-nobody-", 1.0), asdict(status)))
    return state


def test_a_demo_of_which_nothing_was_tagged_still_says_where_to_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = with_running_kafka(tmp_path / "a folder")

    print_report(report_without_tags(), state)

    printed = capsys.readouterr().out
    assert "dead-lettered" in printed
    assert "hangtag events tail --topic product-attributes --output json" in printed
    assert f"hangtag local down --state '{state}'" in printed


def tagged(color: dict[str, Any]) -> dict[str, Any]:
    """The fields of a record that the table reads."""
    gender = {"handle": "target-gender", "status": "ACCEPTED", "values": [value("Female")], "alternatives": []}
    place = "Apparel & Accessories > Clothing > Dresses"
    return {
        "status": "DEGRADED",
        "category": {"breadcrumb": place, "path": ["aa-1-4"], "status": "ACCEPTED"},
        "attributes": [gender, {"handle": "color", **color}],
        "images": [{"status": "OK"}, {"status": "FETCH_FAILED"}],
    }


def value(label: str, shade: str | None = None) -> dict[str, Any]:
    return {"id": label, "label": label, "shade_label": shade}


def test_the_table_shows_place_colours_by_rank_both_sides_of_a_conflict_and_lost_photos(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = Truth("aa-1-4", "18", "13", is_titled=True)
    two = {"status": "ACCEPTED", "values": [value("Red", "Maroon"), value("Navy")], "alternatives": [value("Black")]}
    torn = {"status": "CONFLICT", "values": [], "alternatives": [value("Navy"), value("Red", "Maroon")]}
    sent = {f"v:{number}": Product(number, "Nordvik", "A dress", truth, (), None) for number in ("1", "2")}
    answers = Answers((("v:1", tagged(two)), ("v:2", tagged(torn))), ())
    summary = dict.fromkeys(FIGURES, 1) | dict.fromkeys(WORDS, "exactly_once") | {"accuracy": accuracy(sent, answers)}

    print_report(Report(summary, sent, answers, (), TopicSettings()), with_running_kafka(tmp_path))

    printed = capsys.readouterr().out
    assert "Clothing > Dresses" in printed
    assert "Red (Maroon) + Navy " in printed
    assert "Navy or Red (Maroon) !" in printed
    assert "1 of 2" in printed
