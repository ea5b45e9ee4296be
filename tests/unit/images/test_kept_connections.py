# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from consumer.images.kept_connections import KeptConnections


class Line:
    def __init__(self) -> None:
        self.is_open = True

    def is_connected(self) -> bool:
        return self.is_open


def test_the_first_connections_stay_and_the_others_do_not() -> None:
    kept, (a, b, c) = KeptConnections(2), (Line(), Line(), Line())

    assert [kept.keeps(line) for line in (a, b, c, a, c, b)] == [True, True, False, True, False, True]


def test_one_that_is_closed_makes_room() -> None:
    kept, (a, b, c) = KeptConnections(2), (Line(), Line(), Line())
    kept.keeps(a)
    kept.keeps(b)
    b.is_open = False

    assert kept.keeps(c)
    assert kept.keeps(a)
    assert not kept.keeps(Line())


def test_those_of_invented_names_do_not_drive_out_the_one_in_use() -> None:
    kept, shop = KeptConnections(3), Line()
    kept.keeps(shop)

    for _ in range(1_000):
        invented = Line()
        kept.keeps(invented)
        invented.is_open = False
        assert kept.keeps(shop)

    assert len(kept._kept) <= 3


def test_none_may_be_kept() -> None:
    assert not KeptConnections(0).keeps(Line())
