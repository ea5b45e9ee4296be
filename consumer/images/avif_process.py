# SPDX-License-Identifier: Apache-2.0
"""What runs in the process that decodes AVIF: `python -m consumer.images.avif_process MEMORY_BYTES MAX_PIXELS`.

It reads requests from its standard input, a socket, and answers there, until that ends. Before the first it gives
away what a decoder does not need: memory, new files and sockets, new processes.
"""

from __future__ import annotations

import os
import resource
import signal
import struct
import sys

# Pillow imports these when it first needs them. By then no file can be opened.
from PIL import AvifImagePlugin, Image, TiffImagePlugin  # noqa: F401

from consumer.events import FetchReason
from consumer.images.pillow import limit_pillow, reason_of
from consumer.images.pixels import slow_views
from consumer.images.sniff import ImageHeader, read_header

#: Side of the views, seconds after which the process ends itself, bytes of the body that follows.
REQUEST = struct.Struct("<III")
#: First byte of an answer; after 0 come the views, uint8 [2, side, side, 3].
DECODED, TRUNCATED, UNDECODABLE = range(3)
READY = b"R"

_SOCKET = 0


def main() -> None:
    """Answer until the other side closes."""
    memory_bytes, max_pixels = map(int, sys.argv[1:])
    limit_pillow(max_pixels)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    Image.preinit()
    confine(memory_bytes)
    _write(READY)
    while len(request := _read(REQUEST.size)) == REQUEST.size:
        side, seconds, length = REQUEST.unpack(request)
        body = _read(length)
        signal.alarm(seconds)  # nobody else would end it when the consumer was killed meanwhile
        _write(_answer(body, side))
        signal.alarm(0)


def confine(memory_bytes: int) -> None:
    """Take from this process, for good, what a decoder does not need; whatever is open stays open."""
    limits = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_NOFILE: 0,  # no file and no socket can be opened any more
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: 0,  # no process and no thread, where it does not run as root
        resource.RLIMIT_CORE: 0,
    }
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))


def _answer(body: bytes, side: int) -> bytes:
    try:
        header = read_header(body)
        if isinstance(header, ImageHeader):
            return bytes([DECODED]) + slow_views(body, header, side).tobytes()
    except Exception as error:  # noqa: BLE001  # decoders raise far more than they document, MemoryError included
        return bytes([TRUNCATED if reason_of(error) is FetchReason.TRUNCATED else UNDECODABLE])
    return bytes([UNDECODABLE])


def _read(size: int) -> bytes:
    """So many bytes; fewer where the other side has closed."""
    received = bytearray()
    while len(received) < size and (chunk := os.read(_SOCKET, size - len(received))):
        received += chunk
    return bytes(received)


def _write(answer: bytes) -> None:
    left = memoryview(answer)
    while left:
        left = left[os.write(_SOCKET, left) :]


if __name__ == "__main__":
    main()
