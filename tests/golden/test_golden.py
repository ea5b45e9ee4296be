# SPDX-License-Identifier: Apache-2.0
"""The golden records, tagged by the real stages on the real server with the bundle that ships."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from consumer.settings import load_settings
from tests.golden.examples import PAGE, answer, page
from tests.golden.expectations import Golden, Verdict, judge, read_records, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from consumer.settings import Settings
    from tests.support.triton import Triton

pytestmark = [pytest.mark.triton, pytest.mark.slow, pytest.mark.timeout(300)]

FILES = ("tuning", "unread")
MUST_SHARE = 0.90
STALE = "stale: run `python -m tests.golden.examples`"

Verdicts = list[tuple[Golden, Verdict]]


@pytest.fixture(scope="module")
def settings(starter_triton: Triton, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings that name the server, and nothing of the folder that the tests run in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("golden"))
        patch.setenv("HANGTAG_TRITON__GRPC", starter_triton.grpc)
        patch.setenv("HANGTAG_TRITON__READ_KEY", starter_triton.read_key)
        yield load_settings()


@pytest.fixture(scope="module")
def verdicts(settings: Settings) -> Mapping[str, Verdicts]:
    """Each record of each file with what its answer did not hold."""
    return {
        name: [(golden, judge(golden, answer(settings, golden))) for golden in read_records(name)] for name in FILES
    }


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_said_that_must_not_be(name: str, verdicts: Mapping[str, Verdicts]) -> None:
    broken = [line for _, verdict in verdicts[name] for line in verdict.broken]
    count = len(broken)  # pytest prints what it compares: not the lines

    assert count == 0, shown(name, broken)


@pytest.mark.parametrize("name", FILES)
def test_what_must_be_said_is_said(name: str, verdicts: Mapping[str, Verdicts]) -> None:
    total = sum(len(golden.must) for golden, _ in verdicts[name])
    failed = [line for _, verdict in verdicts[name] for line in verdict.must_failed]
    share = 1 - len(failed) / total

    print(f"{name}: {total - len(failed)} of {total} must hold ({share:.3f})")
    print(shown(name, failed))
    assert share >= MUST_SHARE, shown(name, failed)


def test_the_page_of_whole_events_is_fresh(settings: Settings) -> None:
    shown, now = PAGE.read_text(encoding="utf-8"), page(settings)

    assert _JSON.sub("", shown) == _JSON.sub("", now), STALE
    assert [_said(block) for block in _JSON.findall(shown)] == [_said(block) for block in _JSON.findall(now)], STALE


_JSON = re.compile(r"```json\n(.*?)```", re.DOTALL)


def _said(block: str) -> Any:
    """A product, or what an event says, without what is another number on another processor."""
    event = json.loads(block)
    if "attributes" not in event:
        return event
    attributes = {
        entry["handle"]: (entry.keys(), entry["status"], [value["id"] for value in entry["values"]])
        for entry in event["attributes"]
    }
    category = event["category"]["status"], event["category"]["path"], event["category"]["id"]
    return event.keys(), category, attributes, event["text"], event["review"]["reasons"]
