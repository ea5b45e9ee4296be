# SPDX-License-Identifier: Apache-2.0
"""What the supervisor makes of the end of a process."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from consumer.settings import TopicSettings
from tests.chaos.crew import Crew
from tests.chaos.slot import Plan, Slot
from tests.chaos.timeline import Timeline
from tests.support.engine import engine_settings
from tests.support.processes import Family

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMIT_S = 30.0


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    """One slot whose process has just been started, and is not started again."""
    settings = engine_settings("127.0.0.1:1", TopicSettings(), "group")
    sections = {name: getattr(settings, name).model_dump() for name in ("kafka", "topics", "engine")}
    slot = Slot("0", tmp_path, Plan(sections, 0.1), Family().environment)
    crew = Crew([slot], Timeline(tmp_path / "timeline.jsonl"))
    crew.tick()
    crew.dismissed.add(slot.name)
    yield crew
    slot.end()


def test_one_that_is_stopped_before_it_can_listen_ends_as_it_may(crew: Crew) -> None:
    (slot,) = crew.slots
    slot.terminate()

    crew.let(lambda: not slot.is_up, LIMIT_S, "its end")

    assert slot.exits == [-signal.SIGTERM]


def test_one_is_told_to_stop_once_in_a_life(crew: Crew) -> None:
    (slot,) = crew.slots

    assert slot.terminate()
    assert not slot.terminate()
    crew.let(lambda: not slot.is_up, LIMIT_S, "its end")
    assert not slot.terminate()
    crew.dismissed.clear()
    crew.tick()
    assert slot.terminate()


def test_one_that_has_partitions_must_not_end_so(crew: Crew) -> None:
    (slot,) = crew.slots
    slot.tally.put("partitions", 1)
    slot.terminate()

    with pytest.raises(AssertionError, match="slot 0 ended with -15"):
        crew.let(lambda: not slot.is_up, LIMIT_S, "its end")


def test_waiting_in_vain_tells_what_everybody_was_at(crew: Crew) -> None:
    (slot,) = crew.slots
    crew.freeze(slot, 9)

    with pytest.raises(AssertionError, match="a miracle did not come") as caught:
        crew.let(lambda: False, 0.0, "a miracle")

    told = "\n".join(caught.value.__notes__)
    assert "slot 0 is frozen, life 1, exits [], has set()" in told
    assert "'what': 'freeze'" in told
