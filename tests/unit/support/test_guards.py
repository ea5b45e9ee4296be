# SPDX-License-Identifier: Apache-2.0
"""The suite's own guards."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import subprocess
import sys
import time

import pytest

from tests.support.loopback import guarded_path
from tests.support.wait import wait_until

ELSEWHERE = ("192.0.2.1", 80)  # reserved for documentation (RFC 5737)


def test_a_socket_to_another_machine_is_refused_before_it_is_dialled() -> None:
    with socket.socket() as sock, pytest.raises(RuntimeError, match="loopback only"):
        sock.connect(ELSEWHERE)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, pytest.raises(RuntimeError, match="loopback only"):
        sock.sendto(b"", ELSEWHERE)


def test_a_connection_of_the_event_loop_is_refused_too() -> None:
    with pytest.raises(RuntimeError, match="loopback only"):
        asyncio.run(asyncio.open_connection(*ELSEWHERE))


def test_a_process_that_a_test_starts_can_be_guarded_too() -> None:
    dial = f"import socket; socket.socket().connect({ELSEWHERE})"

    environment = {"PYTHONPATH": guarded_path()}
    done = subprocess.run([sys.executable, "-c", dial], env=environment, capture_output=True, check=False)

    assert done.returncode == 1
    assert b"RuntimeError: tests dial loopback only" in done.stderr


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.3", "localhost"])
def test_every_address_of_this_machine_may_be_dialled(address: str) -> None:
    with (
        socket.create_server(("0.0.0.0", 0)) as server,
        socket.create_connection((address, server.getsockname()[1])) as client,
    ):
        assert ipaddress.ip_address(client.getpeername()[0]).is_loopback


def test_waiting_gives_the_value_and_ends_at_its_deadline() -> None:
    started = time.monotonic()

    assert wait_until(lambda: 3, 1) == 3
    with pytest.raises(AssertionError, match=r"snow did not come within 0\.1 s"):
        wait_until(lambda: False, 0.1, "snow")

    assert time.monotonic() - started < 5
