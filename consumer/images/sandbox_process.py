# SPDX-License-Identifier: Apache-2.0
"""What runs in the process that decodes AVIF and, where it is on (1, not 0), HEIC.

`python -m consumer.images.sandbox_process MEMORY_BYTES MAX_PIXELS HEIC` reads requests from its standard input, a
socket, and answers there, until that ends. Before the first it gives away what decoders do not need: memory, new
files and sockets, new processes.
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
from consumer.images.sniff import ImageFormat, ImageHeader, read_header

#: Side of the views, seconds after which the process ends itself, bytes of the body that follows.
REQUEST = struct.Struct("<III")
#: First byte of an answer; after 0 come the views, uint8 [2, side, side, 3].
DECODED, TRUNCATED, UNDECODABLE = range(3)
READY = b"R"

_SOCKET = 0


def main() -> None:
    """Answer until the other side closes."""
    memory_bytes, max_pixels, has_heic = map(int, sys.argv[1:])
    limit_pillow(max_pixels)
    load_decoders(has_heic=bool(has_heic))
    confine(memory_bytes, may_start_threads=bool(has_heic))
    _write(READY)
    while len(request := _read(REQUEST.size)) == REQUEST.size:
        side, seconds, length = REQUEST.unpack(request)
        body = _read(length)
        signal.alarm(seconds)  # nobody else would end it when the consumer was killed meanwhile
        _write(_answer(body, side))
        signal.alarm(0)


def load_decoders(*, has_heic: bool) -> None:
    """Pillow's, and another one for HEIC, whose pictures are upright already, and say so in their EXIF block."""
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    Image.preinit()
    if not has_heic:
        return
    import pillow_heif

    options = pillow_heif.options
    options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False
    options.DECODE_THREADS = 1
    Image.register_open(ImageFormat.HEIC, pillow_heif.HeifImageFile)


def confine(memory_bytes: int, *, may_start_threads: bool) -> None:
    """Take from this process, for good, what a decoder does not need; whatever is open stays open."""
    limits = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_NOFILE: 0,  # no file and no socket can be opened any more
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    if not may_start_threads:  # libde265 has to. Linux counts a user's processes and threads together
        limits[resource.RLIMIT_NPROC] = 0  # has no effect where it runs as root
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
