# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from consumer.images.kept_hosts import KeptHosts
from tests.support.clock import Clock


def test_the_first_hosts_keep_their_connections_and_the_others_do_not() -> None:
    kept = KeptHosts(2, 60, Clock())

    assert [kept.keeps(host) for host in ("a", "b", "c", "a", "c", "b")] == [True, True, False, True, False, True]


def test_who_has_not_been_used_for_so_long_makes_room() -> None:
    clock = Clock()
    kept = KeptHosts(2, 60, clock)
    kept.keeps("a")
    clock.now_s += 40
    kept.keeps("b")
    kept.keeps("a")
    clock.now_s += 40
    assert not kept.keeps("c")  # both were used 40 s ago
    kept.keeps("a")
    clock.now_s += 30

    assert kept.keeps("c")  # b's connections were closed 10 s ago
    assert not kept.keeps("b")


def test_invented_names_do_not_drive_out_the_hosts_in_use() -> None:
    clock = Clock()
    kept = KeptHosts(3, 60, clock)
    kept.keeps("shop")

    for number in range(10_000):
        clock.now_s += 1
        kept.keeps(f"invented-{number}")
        assert kept.keeps("shop")

    assert len(kept._used_s) <= 3


def test_none_may_be_kept() -> None:
    assert not KeptHosts(0, 60, Clock()).keeps("a")
