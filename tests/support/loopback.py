# SPDX-License-Identifier: Apache-2.0
"""A guard for tests and what they start: Python's sockets dial nothing but this machine's loopback."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from pathlib import Path
from typing import Any

_HERE = Path(__file__)


def guard_loopback() -> None:
    """Put the guard in; an audit hook stays for the life of the process."""
    sys.addaudithook(_refuse_to_dial_out)


def guarded_path() -> str:
    """A PYTHONPATH that puts the guard into a Python process."""
    return os.pathsep.join(map(str, (_HERE.with_name("guarded"), _HERE.parents[2])))


def _refuse_to_dial_out(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        return
    sock, address = arguments[0], arguments[1]
    if sock.family not in {socket.AF_INET, socket.AF_INET6} or address is None:
        return
    if not _is_loopback(str(address[0])):
        # No OSError: code under test takes those for an unreachable host and goes on.
        raise RuntimeError(f"tests dial loopback only, not {address}")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:  # a name, which would have to be looked up
        return False
