# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from consumer.cli import app
from consumer.errors import BrokerUnavailable, FeedInvalid

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

FEED = b'{"sku": "1", "title": "Shirt", "colour": "red"}\n{"sku": 2}\n\nbroken\n{"sku": "3"}\n'


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    path = tmp_path / "feed.jsonl"
    path.write_bytes(FEED)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["feed", "push", *map(str, arguments)])


def test_a_dry_run_counts_and_names_the_bad_rows(feed: Path) -> None:
    result = run(feed, "--format", "jsonl", "--vendor", "acme", "--dry-run", "--output", "json")

    assert result.exit_code == 3
    counts = json.loads(result.stdout)
    assert counts | {"bad_rows": None} == {
        "topic": "product-events",
        "dry_run": True,
        "rows": 4,
        "events": 2,
        "bad": 2,
        "nameless": 2,
        "duplicates": 0,
        "unchanged": 0,
        "deleted": 0,
        "columns_ignored": 1,
        "bad_rows": None,
        "duplicate_rows": [],
        "departures": None,
    }
    assert [row["line"] for row in counts["bad_rows"]] == [2, 4]
    assert counts["bad_rows"][0]["reason"] == "sku: Input should be a valid string"


def test_bad_rows_go_to_stderr_with_file_line_and_reason(feed: Path) -> None:
    result = run(feed, "--format", "jsonl", "--vendor", "acme", "--dry-run")

    assert result.exit_code == 3
    assert result.stderr.splitlines()[0] == f"{feed}:2: sku: Input should be a valid string"
    assert result.stdout.startswith("4 rows: 2 events would go to product-events, 2 bad; left out 1 of")


def test_a_feed_without_faults_exits_0(feed: Path) -> None:
    feed.write_bytes(b'{"sku": "1", "vendor_id": "acme"}\n')

    assert run(feed, "--format", "jsonl", "--dry-run").exit_code == 0


def test_a_row_that_no_topic_takes_is_bad(feed: Path) -> None:
    feed.write_text(json.dumps({"sku": "1", "title": "x" * (9 << 20)}))

    result = run(feed, "--format", "jsonl", "--vendor", "acme", "--dry-run")

    assert result.exit_code == 3
    assert "larger than the topic takes" in result.stderr


@pytest.mark.parametrize("arguments", [["--vendor", "a:b"], ["--format", "xlsx"], []])
def test_wrong_options_are_a_usage_error(feed: Path, arguments: list[str]) -> None:
    formats = [] if "--format" in arguments or not arguments else ["--format", "jsonl"]

    assert run(feed, *formats, *arguments, "--dry-run").exit_code == 2


def test_without_a_broker_the_command_says_how_to_get_one(feed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANGTAG_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")

    result = run(feed, "--format", "jsonl", "--vendor", "acme", "--timeout", "0.3")

    assert isinstance(result.exception, BrokerUnavailable)
    assert "hangtag local up" in str(result.exception)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--execute"],
        ["--allow-deletes"],
        ["--full-feed", "--execute"],
        ["--feed", "../x"],
        ["--delimiter", "::"],
        ["--deleted-when", "status"],
    ],
)
def test_options_that_do_not_fit_each_other_are_a_usage_error(feed: Path, arguments: list[str]) -> None:
    assert run(feed, "--format", "csv", *arguments, "--dry-run").exit_code == 2


def test_standard_input_is_refused() -> None:
    assert run("-", "--format", "jsonl", "--dry-run").exit_code == 2


def test_a_table_that_does_not_fit_its_options_exits_2(tmp_path: Path) -> None:
    file = tmp_path / "feed.csv"
    file.write_text("id;title\n1;x\n")

    error = run(file, "--format", "csv", "--dry-run").exception

    assert isinstance(error, FeedInvalid)
    assert error.exit_code == 2
    assert str(error) == "no column 'sku'; with the delimiter ';' the header has 2 columns: 'id', 'title'"


def test_rows_that_repeat_a_product_go_too_and_are_reported(tmp_path: Path) -> None:
    file = tmp_path / "feed.csv"
    file.write_text("sku,title\n1,old\n2,b\n1,new\n")

    as_text = run(file, "--format", "csv", "--vendor", "acme", "--dry-run")
    as_json = run(file, "--format", "csv", "--vendor", "acme", "--dry-run", "--output", "json")

    assert as_text.exit_code == 0
    assert as_text.stderr == f"{file}:4: acme:1 stood in the feed before; this row is newer\n"
    assert as_text.stdout == "3 rows: 3 events would go to product-events, 0 bad, 1 repeated a product\n"
    assert json.loads(as_json.stdout)["duplicate_rows"] == [{"line": 4, "key": "acme:1"}]
