# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest
from confluent_kafka import OFFSET_BEGINNING, KafkaError, TopicPartition

from consumer.errors import Refused, StaleGeneration
from consumer.kafka.assignment import Assignment
from consumer.kafka.bitmap import encode
from consumer.kafka.broker import require_partners
from consumer.kafka.cluster import Cluster
from consumer.kafka.vitals import Vitals
from consumer.kafka.waiting import Stopped
from consumer.kafka.watch import GroupWatch
from consumer.observability.metrics import Metrics
from consumer.settings import load_settings
from tests.unit.kafka.scripted import Scripted, error

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

    from consumer.kafka.progress import Progress


class Scene:
    def __init__(self, **kafka: Any) -> None:
        self.kafka = Scripted()
        self.metrics = Metrics()
        self.vitals = Vitals(60)
        self.tries_left = 100
        self.revokes = 0
        settings = load_settings(kafka=kafka, topics={"events": "events"})
        watch = GroupWatch(self.vitals, self.metrics)
        admin = cast("AdminClient", self.kafka.admin)
        self.assignment = Assignment(
            self.kafka.clients.consumer,
            settings,
            watch,
            self._keep_waiting,
            partial(require_partners, Cluster(lambda: admin), settings.topics),
        )
        self.assignment.subscribe(before_revoke=self._before_revoke, after_assign=lambda: None)

    def _keep_waiting(self) -> None:
        self.tries_left -= 1
        if self.tries_left <= 0:
            raise Stopped

    def _before_revoke(self) -> None:
        self.revokes += 1
        assert not any(progress.is_closed for progress in self.assignment)

    def progress(self, partition: int) -> Progress:
        """Of a partition that is ours."""
        found = self.assignment.of(partition)
        assert found is not None
        return found

    def fire(self, event: str, *partitions: int) -> None:
        given = [TopicPartition("events", number) for number in partitions]
        self.kafka.consumer.callbacks[event](self.kafka.clients.consumer, given)

    @property
    def starts(self) -> dict[int, int]:
        return {entry.partition: entry.offset for entry in self.kafka.consumer.assigned}


def test_on_demand_a_partition_starts_behind_what_was_deleted() -> None:
    scene = Scene(input_lost="skip")
    scene.kafka.consumer.commits = [
        TopicPartition("events", 0, 40, encode(40, 46, {42, 45})),
        TopicPartition("events", 1, 7),
    ]
    scene.kafka.consumer.starts, scene.kafka.consumer.ends = {0: 44, 1: 5}, {0: 50, 1: 50}

    scene.fire("on_assign", 0, 1)

    assert scene.starts == {0: 44, 1: 7}
    progress = scene.progress(0)
    assert [offset for offset in (44, 45, 46) if progress.admit(offset, 0.0)] == [44, 46]


def test_what_was_skipped_is_committed_at_the_next_occasion() -> None:
    scene = Scene(input_lost="skip")
    scene.kafka.consumer.commits = [TopicPartition("events", 0, 40), TopicPartition("events", 1, 7)]
    scene.kafka.consumer.starts, scene.kafka.consumer.ends = {0: 44}, {0: 50, 1: 50}

    scene.fire("on_assign", 0, 1)

    assert scene.progress(0).committed is None
    assert scene.progress(1).committed == (7, "")


def test_a_commit_beyond_the_logs_end_is_for_a_person_to_judge() -> None:
    scene = Scene(input_lost="skip")
    scene.kafka.consumer.commits = [TopicPartition("events", 0, 40)]
    scene.kafka.consumer.ends = {0: 39}

    with pytest.raises(Refused, match="beyond the end"):
        scene.fire("on_assign", 0)


def test_a_partition_starts_at_its_commit_with_its_bitmap() -> None:
    scene = Scene()
    scene.kafka.consumer.commits = [TopicPartition("events", 1, 40, encode(40, 43, {42}))]

    scene.fire("on_assign", 0, 1)

    assert scene.starts == {0: OFFSET_BEGINNING, 1: 40}
    progress = scene.progress(1)
    assert [offset for offset in (40, 41, 42, 43) if progress.admit(offset, 0.0)] == [40, 41, 43]


def test_a_new_group_may_start_at_the_end() -> None:
    scene = Scene(start="latest")
    scene.kafka.consumer.ends = {0: 70}

    scene.fire("on_assign", 0)

    assert scene.starts == {0: 70}
    assert scene.progress(0).snapshot() == (70, "")
    assert scene.progress(0).committed is None


def test_foreign_metadata_is_ignored_and_counted() -> None:
    scene = Scene()
    scene.kafka.consumer.commits = [TopicPartition("events", 0, 40, "somebody else's")]

    scene.fire("on_assign", 0)

    assert scene.progress(0).admit(40, 0.0)
    assert scene.metrics.registry.get_sample_value("hangtag_offset_metadata_ignored_total") == 1


def test_an_open_transaction_of_the_previous_owner_is_waited_for() -> None:
    scene = Scene()
    scene.kafka.fails("committed", *[error(KafkaError._TIMED_OUT)] * 3)

    scene.fire("on_assign", 0)

    assert scene.kafka.calls.count("committed") == 4
    assert scene.starts == {0: OFFSET_BEGINNING}


def test_no_start_is_made_from_a_guess() -> None:
    scene = Scene()
    scene.kafka.fails("committed", error(KafkaError._INVALID_ARG))

    with pytest.raises(StaleGeneration):
        scene.fire("on_assign", 0)

    assert scene.starts == {}


def test_a_refused_look_up_ends_the_process() -> None:
    scene = Scene()
    scene.kafka.fails("committed", error(KafkaError.GROUP_AUTHORIZATION_FAILED))

    with pytest.raises(Refused):
        scene.fire("on_assign", 0)


def test_what_kafka_did_not_tell_is_named() -> None:
    scene = Scene(start="latest")
    scene.kafka.fails("watermarks", error(KafkaError._INVALID_ARG))

    with pytest.raises(StaleGeneration, match="waiting_for_log_ends"):
        scene.fire("on_assign", 0)


def test_a_partition_without_a_partner_in_an_output_is_refused_before_its_first_record() -> None:
    scene = Scene()
    scene.kafka.admin.partitions = {"product-attributes": 3, "product-embeddings": 2, "product-events-dlq": 3}

    scene.fire("on_assign", 0, 1)
    with pytest.raises(Refused, match="product-embeddings has 2 partitions, events has 3; `hangtag topics check`"):
        scene.fire("on_assign", 2)

    assert set(scene.starts) == {0, 1}


def test_an_output_that_does_not_show_is_left_to_those_who_write_to_it() -> None:
    scene = Scene()
    scene.kafka.admin.partitions = {"product-attributes": 1}

    scene.fire("on_assign", 0)

    assert set(scene.starts) == {0}


def test_a_stop_ends_the_wait_for_commits() -> None:
    scene = Scene()
    scene.tries_left = 2
    scene.kafka.fails("committed", *[error(KafkaError._TIMED_OUT)] * 9)

    with pytest.raises(Stopped):
        scene.fire("on_assign", 0)


def test_a_revoke_publishes_first_and_closes_then() -> None:
    scene = Scene()
    scene.fire("on_assign", 0, 1)
    old = scene.progress(0)

    scene.fire("on_revoke", 0, 1)

    assert scene.revokes == 1
    assert old.is_closed
    assert len(scene.assignment) == 0
    assert scene.kafka.calls[-1] == "unassign"


def test_lost_partitions_are_dropped_without_a_transaction() -> None:
    scene = Scene()
    scene.fire("on_assign", 0)
    old = scene.progress(0)

    scene.fire("on_lost", 0)

    assert scene.revokes == 0
    assert old.is_closed


def test_a_partition_that_comes_back_is_a_new_epoch() -> None:
    scene = Scene()
    scene.fire("on_assign", 0)
    old = scene.progress(0)
    scene.fire("on_revoke", 0)

    scene.fire("on_assign", 0)

    assert scene.progress(0) is not old
    assert old.is_closed


@pytest.mark.parametrize("properties", [{"partition.assignment.strategy": "cooperative-sticky"}])
def test_a_cooperative_group_takes_partitions_one_by_one(properties: dict[str, str]) -> None:
    scene = Scene(properties=properties)
    scene.fire("on_assign", 0, 1)
    kept = scene.progress(0)

    scene.fire("on_revoke", 1)

    assert not kept.is_closed
    assert scene.kafka.calls[-1] == "incremental_unassign"
    assert "assign" not in scene.kafka.calls


def test_after_giving_up_a_revoke_publishes_nothing() -> None:
    scene = Scene()
    scene.fire("on_assign", 0)

    scene.assignment.close()
    scene.fire("on_revoke", 0)

    assert scene.revokes == 0


def test_what_is_given_while_the_group_is_left_begins_nothing_and_asks_nothing() -> None:
    scene = Scene()
    scene.fire("on_assign", 0)
    scene.kafka.fails("committed", error(KafkaError._DESTROY))

    scene.assignment.leave()
    scene.fire("on_assign", 1)
    scene.fire("on_revoke", 0, 1)

    assert scene.kafka.calls.count("committed") == 1
    assert (scene.revokes, len(scene.assignment)) == (1, 0)
