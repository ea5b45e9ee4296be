# SPDX-License-Identifier: Apache-2.0
"""AVIF and HEIC, decoded in a process that may be killed: `docs/decisions/0016-avif-process.md` says why."""

from __future__ import annotations

import ctypes
import math
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import structlog

from consumer.events import FetchReason
from consumer.images.sandbox_process import DECODED, READY, REQUEST, TRUNCATED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from consumer.settings import ImageSettings

log = structlog.get_logger()

#: From the start of the interpreter to the first request: half a second of CPU, on a machine that has other work.
_START_LIMIT_S = 30.0
#: The process ends itself so much later than we would end it.
_GRACE_S = 2
#: All of its environment: nothing inherited, no threads and no arenas that take address space for them.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}


#: <linux/prctl.h>
_PR_SET_DUMPABLE = 4


class Sandbox:
    """One process, started for the first file, kept for the next ones, and replaced when it ends or takes too long.

    For one thread at a time. Whoever made it closes it.
    """

    def __init__(self, settings: ImageSettings) -> None:
        self._arguments = tuple(map(str, (settings.avif_bytes, settings.max_pixels, int(settings.heic))))
        self._timeout_s = settings.decode_timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def views(self, body: bytes, side: int) -> NDArray[np.uint8] | FetchReason:
        """uint8 [2, side, side, 3], or `truncated` or `undecodable`, also where no process can be had.

        The caller has judged the size. Blocks for `decode_timeout_s` at most, and for the start of a process.
        """
        if self._process is not None and self._process.poll() is not None:
            self._lose("it ended between two files")
        try:
            link = self._socket or self._start()
            return _ask(link, body, side, self._timeout_s)
        except OSError as error:  # a timeout is one
            self._lose(str(error))
            return FetchReason.UNDECODABLE

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return self._process.pid if self._process else None

    def close(self) -> int | None:
        """End the process, if there is one, and say how it ended; negative numbers are signals."""
        if self._socket is not None:
            self._socket.close()
        process, self._process, self._socket = self._process, None, None
        if process is None:
            return None
        process.kill()
        return process.wait()

    def _lose(self, error: str) -> None:
        log.warning("image_sandbox_lost", error=error, exit_code=self.close())

    def _start(self) -> socket.socket:
        _keep_others_out()
        link, other_end = socket.socketpair()
        self._socket = link
        with other_end:
            self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                (sys.executable, "-I", "-m", "consumer.images.sandbox_process", *self._arguments),
                stdin=other_end.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=_ENVIRONMENT,
                start_new_session=True,  # the terminal's Ctrl-C is for the consumer, which still waits for answers
            )
        _receive(link, len(READY), time.monotonic() + _START_LIMIT_S)
        return link


def _keep_others_out() -> None:
    """Close this process's memory to the other processes of its user, the decoders first; to root nothing is closed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _ask(link: socket.socket, body: bytes, side: int, timeout_s: float) -> NDArray[np.uint8] | FetchReason:
    deadline = time.monotonic() + timeout_s
    link.settimeout(timeout_s)
    link.sendall(REQUEST.pack(side, math.ceil(timeout_s) + _GRACE_S, len(body)) + body)
    (status,) = _receive(link, 1, deadline)
    if status == DECODED:
        return np.frombuffer(_receive(link, 2 * side * side * 3, deadline), np.uint8).reshape(2, side, side, 3)
    return FetchReason.TRUNCATED if status == TRUNCATED else FetchReason.UNDECODABLE


def _receive(link: socket.socket, size: int, deadline: float) -> bytearray:
    """So many bytes. Raises OSError: TimeoutError at the deadline, ConnectionResetError when the process is gone."""
    received = bytearray(size)
    left = memoryview(received)
    while left:
        link.settimeout(max(0.001, deadline - time.monotonic()))
        taken = link.recv_into(left)
        if not taken:
            raise ConnectionResetError("it has ended")
        left = left[taken:]
    return received
