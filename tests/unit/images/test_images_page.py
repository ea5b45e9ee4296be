# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/images.md, held against what they are about."""

from __future__ import annotations

import re
from pathlib import Path

from consumer.events import FetchReason
from consumer.images.check import CheckedUrl
from consumer.observability.metrics import Metrics
from consumer.settings import ImageSettings

PAGE = (Path(__file__).parents[3] / "docs" / "images.md").read_text(encoding="utf-8")


def rows(title: str) -> list[list[str]]:
    """The cells of the table in a section."""
    section = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_every_reason_is_explained_with_its_verdict() -> None:
    explained = {reason: verdict for reason, verdict, *_ in rows("Reasons")}

    assert explained == {reason.value: CheckedUrl("", reason, ()).verdict.value for reason in FetchReason}


def test_the_limits_are_those_of_the_settings() -> None:
    told = {name.removeprefix("HANGTAG_IMAGES__").lower(): float(default) for name, default, _ in rows("Limits")}

    assert len(told) > 10
    assert told == {name: float(ImageSettings.model_fields[name].default) for name in told}


def test_every_setting_that_is_named_exists() -> None:
    named = {name.lower() for name in re.findall(r"HANGTAG_IMAGES__(\w+)", PAGE)}

    assert named <= set(ImageSettings.model_fields)


def test_every_metric_to_watch_exists() -> None:
    served = {
        line.split()[2]
        for line in Metrics().exposition().decode().splitlines()
        if line.startswith("# TYPE hangtag_image")
    }

    assert {name for name, *_ in rows("What to watch")} <= served


def test_every_file_that_is_named_is_there() -> None:
    root = Path(__file__).parents[3]
    named = re.findall(r"`((?:deploy|tests)/[\w./-]+)`", PAGE)

    assert len(named) == 3
    assert all((root / name).is_file() for name in named)
