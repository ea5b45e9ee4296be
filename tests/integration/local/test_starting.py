# SPDX-License-Identifier: Apache-2.0
"""Ports, readiness and failed starts, on the part that starts fastest."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from consumer.errors import Refused
from consumer.local import ports
from consumer.local.images import ImagesPart
from consumer.local.ports import PortBook
from consumer.local.starting import START_ATTEMPTS, Starting

if TYPE_CHECKING:
    from consumer.local.process import Launch


class LatePart(ImagesPart):
    """Somebody else takes the port of its first starts, after it was chosen."""

    def __init__(self, state: Path, thief: ExitStack, thefts: int) -> None:
        super().__init__(state, None)
        self._thief = thief
        self._thefts = thefts

    def launch(self, ports: list[int], token: str) -> Launch:
        if self._thefts:
            self._thefts -= 1
            self._thief.enter_context(listen(ports[0]))
        return super().launch(ports, token)


def listen(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))


def test_the_same_port_is_used_again_when_it_is_free(tmp_path: Path) -> None:
    book = PortBook(tmp_path / "ports.json")

    with Starting(ImagesPart(tmp_path, None), book) as first:
        before = first.wait()
    with Starting(ImagesPart(tmp_path, None), book) as second:
        after = second.wait()

    assert before.url == after.url
    assert before.pid != after.pid


def test_a_remembered_port_that_is_taken_is_replaced(tmp_path: Path) -> None:
    book = PortBook(tmp_path / "ports.json")
    (port,) = ports.pick(1, [])
    book.remember("images", [port])

    with listen(port), Starting(ImagesPart(tmp_path, None), book) as starting:
        status = starting.wait()

    assert status.url == f"http://127.0.0.1:{book.recall('images')[0]}"
    assert book.recall("images") != [port]


def test_a_port_that_is_taken_between_choice_and_start_costs_another_try(tmp_path: Path) -> None:
    with (
        ExitStack() as thief,
        Starting(LatePart(tmp_path, thief, thefts=1), PortBook(tmp_path / "ports.json")) as starting,
    ):
        status = starting.wait()
        connection = http.client.HTTPConnection(status.url.removeprefix("http://"), timeout=5)
        connection.request("GET", "/")
        answer = json.load(connection.getresponse())
        connection.close()

    assert answer == {"pid": status.pid}


def test_a_part_that_never_gets_a_port_says_why_in_its_own_words(tmp_path: Path) -> None:
    with (
        ExitStack() as thief,
        Starting(LatePart(tmp_path, thief, thefts=START_ATTEMPTS), PortBook(tmp_path / "ports.json")) as starting,
        pytest.raises(Refused, match=r"images ended instead of starting(?s:.*)address already in use"),
    ):
        starting.wait()


def test_a_part_that_ends_for_another_reason_is_not_tried_again(tmp_path: Path) -> None:
    class Broken(ImagesPart):
        starts = 0

        def launch(self, ports: list[int], token: str) -> Launch:
            self.starts += 1
            self._root = tmp_path / "a file"
            launch = super().launch(ports, token)
            self._root.rmdir()
            return launch

    part = Broken(tmp_path, None)

    with pytest.raises(Refused, match="a file"), Starting(part, PortBook(tmp_path / "ports.json")) as starting:
        starting.wait()

    assert part.starts == 1


class Aborting(ImagesPart):
    """Its first starts end as a crash does."""

    def __init__(self, state: Path, crashes: int) -> None:
        super().__init__(state, None)
        self.crashes = crashes

    def launch(self, ports: list[int], token: str) -> Launch:
        launch = super().launch(ports, token)
        if not self.crashes:
            return launch
        self.crashes -= 1
        return replace(launch, command=["/bin/sh", "-c", "echo aborting; kill -ABRT $$"])


def test_a_part_that_a_signal_ends_is_started_again(tmp_path: Path) -> None:
    part = Aborting(tmp_path, crashes=2)

    with Starting(part, PortBook(tmp_path / "ports.json")) as starting:
        status = starting.wait()

    assert status.pid
    assert part.crashes == 0


def test_a_part_that_signals_end_every_time_says_so(tmp_path: Path) -> None:
    with (
        Starting(Aborting(tmp_path, crashes=START_ATTEMPTS), PortBook(tmp_path / "ports.json")) as starting,
        pytest.raises(Refused, match=r"images ended instead of starting(?s:.*)aborting"),
    ):
        starting.wait()


def test_ports_lie_below_the_range_of_outgoing_connections() -> None:
    first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    chosen = ports.pick(50, [])

    assert len(set(chosen)) == 50
    assert max(chosen) < first_outgoing
