# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import re
from dataclasses import asdict
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import pytest

from consumer.catalogue.products import Product, Trouble, Truth
from consumer.cli.demo_screen import PIPE_COLUMNS, print_report
from consumer.local.demo import Report
from consumer.local.demo_answers import Answers, accuracy
from consumer.local.kafka import KafkaStatus
from consumer.local.keeper import start_time
from consumer.local.process import Kept, ProcessId
from consumer.local.state import Record, State
from consumer.settings import TopicSettings

if TYPE_CHECKING:
    from pathlib import Path

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


def tagged(color: dict[str, Any], status: str = "ENRICHED") -> dict[str, Any]:
    """The fields of a record that the table reads."""
    gender = {"handle": "target-gender", "status": "ACCEPTED", "values": [value("Female")], "alternatives": []}
    place = "Apparel & Accessories > Clothing Accessories > Sunglasses"
    return {
        "status": status,
        "category": {"breadcrumb": place, "path": ["aa-1-4"], "status": "ACCEPTED"},
        "attributes": [gender, {"handle": "color", **color}],
        "images": [{"status": "OK"}, {"status": "FETCH_FAILED"}],
    }


def value(label: str, shade: str | None = None) -> dict[str, Any]:
    return {"id": label, "label": label, "shade_label": shade}


ONE = {"status": "ACCEPTED", "values": [value("Black")], "alternatives": []}
TWO = {"status": "ACCEPTED", "values": [value("Red", "Maroon"), value("Navy")], "alternatives": [value("Black")]}
TORN = {"status": "CONFLICT", "values": [], "alternatives": [value("Purple", "Lavender"), value("Orange", "Coral")]}


def report_of(answered: dict[str, dict[str, Any]], trouble: Trouble | None = None) -> Report:
    """One product for each record, by sku."""
    truth = Truth("aa-1-4", "18", "13", is_titled=True)
    title = "Nordvik Women Lavender Sunglasses With Straps"
    sent = {f"v:{sku}": Product(sku, "Nordvik", title, truth, (), trouble) for sku in answered}
    answers = Answers(tuple((f"v:{sku}", fields) for sku, fields in answered.items()), ())
    summary = dict.fromkeys(FIGURES, 1) | dict.fromkeys(WORDS, "exactly_once") | {"accuracy": accuracy(sent, answers)}
    return Report(summary, sent, answers, (), TopicSettings())


def cells(printed: str, sku: str) -> list[str]:
    """The row of a product, what goes on in the next lines put together."""
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in printed.splitlines() if line[:1] == "│"]
    start = next(number for number, line in enumerate(lines) if line[0] == sku)
    rest = takewhile(lambda line: not line[0], lines[start + 1 :])
    return [" ".join(filter(None, parts)) for parts in zip(lines[start], *rest, strict=True)]


@pytest.mark.parametrize("columns", [100, None])
def test_the_table_shows_place_colours_by_rank_both_sides_of_a_conflict_and_what_was_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int | None
) -> None:
    if columns:
        monkeypatch.setenv("TTY_COMPATIBLE", "1")
        monkeypatch.setenv("COLUMNS", str(columns))
    report = report_of({"1": tagged(TWO), "2": tagged(TORN, "DEGRADED")}, Trouble.PRIVATE_REDIRECT)

    print_report(report, with_running_kafka(tmp_path))

    printed = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    place = "Clothing Accessories > Sunglasses"
    assert cells(printed, "1")[2:] == [place, "Female", "Red (Maroon) + Navy", "1 of 2", "private redirect"]
    assert cells(printed, "2")[4] == "Purple (Lavender) or Orange (Coral) !"
    assert cells(printed, "2")[6] == "private redirect, degraded"
    assert max(map(len, re.findall("^[┏│└].*", printed, re.MULTILINE))) <= (columns or PIPE_COLUMNS)


def test_a_product_of_several_colours_is_shown_wherever_it_stands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = {f"one-{number:02}": tagged(ONE) for number in range(30)}

    print_report(report_of({**many, "late": tagged(TWO), "later": tagged(TWO)}), with_running_kafka(tmp_path))

    printed = capsys.readouterr().out
    assert cells(printed, "late")[4] == "Red (Maroon) + Navy"
    assert "later" not in printed
    assert "one-20" not in printed
