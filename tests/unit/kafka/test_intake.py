# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from consumer.kafka.assignment import Assignment
from consumer.kafka.intake import Intake
from consumer.kafka.progress import Progress
from consumer.kafka.valve import Valve
from consumer.kafka.vitals import Vitals
from consumer.kafka.watch import GroupWatch
from consumer.observability.metrics import Metrics
from consumer.settings import EngineSettings, load_settings
from tests.support.clock import Clock
from tests.unit.kafka.scripted import Scripted

MIB = 1 << 20


def intake(slots: int = 10, size: int = 100 * MIB, per_event: int = 0, clock: Clock | None = None) -> Intake:
    return Intake(EngineSettings(slots=slots, bytes=size), per_event, clock or Clock())


def test_room_is_what_slots_are_left() -> None:
    gate = intake(slots=3)

    reserved = [gate.reserve(10) for _ in range(3)]

    assert gate.room() == 0
    gate.release(reserved[0])
    assert gate.room() == 1


def test_bytes_bound_the_room_as_well() -> None:
    gate = intake(slots=1000, size=10 * MIB, per_event=MIB)

    assert gate.room() == 9
    reserved = [gate.reserve(4096) for _ in range(9)]
    assert gate.room() == 0
    for each in reserved:
        gate.correct(each, 4096)
    assert gate.room() == 9


def test_an_event_larger_than_the_budget_still_gets_its_turn() -> None:
    gate = intake(size=MIB, per_event=2 * MIB)

    assert gate.room() == 1
    gate.reserve(10)
    assert gate.room() == 0


def test_everything_given_back_leaves_nothing_held() -> None:
    gate = intake(per_event=MIB)
    reserved = gate.reserve(500)

    gate.release(gate.correct(reserved, 700))

    assert (gate.held, gate.held_bytes) == (0, 0)


class Scene:
    """A valve over two scripted partitions."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.intake = intake(slots=10, clock=self.clock)
        self.kafka = Scripted()
        watch = GroupWatch(Vitals(60), Metrics())
        settings = load_settings()
        self.assignment = Assignment(self.kafka.clients.consumer, settings, watch, lambda: None, lambda _: None)
        self.assignment._open = {number: Progress(number) for number in (0, 1)}
        self.valve = Valve(self.kafka.clients.consumer, self.assignment, self.intake)

    def progress(self, partition: int) -> Progress:
        found = self.assignment.of(partition)
        assert found is not None
        return found

    @property
    def paused(self) -> set[int]:
        return self.kafka.consumer.paused

    def fill(self, count: int) -> None:
        for _ in range(count):
            self.intake.reserve(0)
        self.intake.room()

    def give_back(self, count: int) -> None:
        for _ in range(count):
            self.intake.release(0)
        self.intake.room()


def test_no_room_for_long_pauses_every_partition_once() -> None:
    scene = Scene()
    scene.fill(10)
    scene.valve.steer()
    assert scene.paused == set()

    scene.clock.now_s += 0.6
    scene.valve.steer()
    scene.valve.steer()

    assert scene.paused == {0, 1}
    assert scene.kafka.calls.count("pause") == 1


def test_intake_starts_again_only_with_enough_room() -> None:
    scene = Scene()
    scene.fill(10)
    scene.clock.now_s += 0.6
    scene.valve.steer()

    scene.give_back(3)
    scene.valve.steer()
    assert scene.paused == {0, 1}
    scene.give_back(2)
    scene.valve.steer()

    assert scene.paused == set()
    assert scene.kafka.calls.count("resume") == 1


def test_a_new_assignment_is_paused_again() -> None:
    scene = Scene()
    scene.fill(10)
    scene.clock.now_s += 0.6
    scene.valve.steer()
    scene.paused.clear()

    scene.valve.after_assign()

    assert scene.paused == {0, 1}


def test_partitions_that_were_lost_while_paused_flow_when_they_come_back() -> None:
    scene = Scene()
    scene.fill(10)
    scene.clock.now_s += 0.6
    scene.valve.steer()
    scene.assignment.close()
    scene.give_back(10)
    scene.valve.steer()  # opens, with nothing to resume
    assert scene.paused == {0, 1}

    scene.assignment._open = {number: Progress(number) for number in (0, 1)}
    scene.valve.after_assign()

    assert scene.paused == set()


def test_a_large_bitmap_holds_back_its_partition_until_it_is_small() -> None:
    scene = Scene()
    progress = scene.progress(0)

    scene.valve.judge_bitmap(progress, 0.8)
    assert scene.paused == {0}
    scene.valve.judge_bitmap(progress, 0.6)
    assert scene.paused == {0}
    scene.valve.judge_bitmap(progress, 0.4)

    assert scene.paused == set()


def test_a_partition_that_is_held_back_stays_so_when_the_others_resume() -> None:
    scene = Scene()
    scene.valve.judge_bitmap(scene.progress(0), 0.8)
    scene.fill(10)
    scene.clock.now_s += 0.6
    scene.valve.steer()

    scene.give_back(9)
    scene.valve.steer()

    assert scene.paused == {0}


def test_a_stopped_intake_never_resumes() -> None:
    scene = Scene()

    scene.valve.stop()
    scene.valve.steer()

    assert scene.paused == {0, 1}
    assert scene.valve.is_stopped
