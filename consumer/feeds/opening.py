# SPDX-License-Identifier: Apache-2.0
"""A feed file as a stream of bytes or text: gzip is told by its first bytes, an encoding by its byte order mark."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from consumer.errors import FeedInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO, TextIO

    from typing_extensions import Buffer

_GZIP = b"\x1f\x8b"
_BUFFER_BYTES = 256 << 10

_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class BrokenOff(Exception):
    """The rest of the file cannot be read; what came before it stands. `read_feed` makes it the last, bad row."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An open feed. `whole` is what lies on the disk: its position tells how far reading is."""

    stream: io.BufferedReader[_Guarded]
    whole: BinaryIO

    def starts_with(self, mark: bytes) -> bool:
        """Whether the content begins so, after byte order mark and white space, in UTF-16 too."""
        head = self.stream.peek(64).lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")
        return head.startswith(mark)

    def text(self, encoding: str | None) -> TextIO:
        """The content as text. Bytes that do not fit a byte-wise encoding become lone surrogates, for the rows to name.

        Raises FeedInvalid for an encoding that nobody knows.
        """
        head = self.stream.peek(4)
        marked = next((name for mark, name in _MARKS.items() if head.startswith(mark)), "utf-8")
        name = encoding_name(encoding) if encoding else marked
        if name == "utf-8":
            name = "utf-8-sig"
        return io.TextIOWrapper(self.stream, name, errors="surrogateescape", newline="")


class _Guarded(io.RawIOBase):
    """Passes bytes on as they come, and names what is wrong with a damaged file."""

    def __init__(self, inner: BinaryIO | gzip.GzipFile) -> None:
        self._inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        try:
            # One read of the layer below: more would throw away what came before a fault.
            found = cast("io.BufferedReader[Any]", self._inner).read1(len(view))
        except EOFError as error:
            raise BrokenOff("the file breaks off: its gzip stream has no end") from error
        except (zlib.error, gzip.BadGzipFile) as error:
            raise BrokenOff(f"the gzip stream is damaged: {error}") from error
        except OSError as error:
            raise BrokenOff(f"the file cannot be read on: {error.strerror or error}") from error
        view[: len(found)] = found
        return len(found)


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """Open a feed for reading, gzip or not; reading it raises BrokenOff where it is damaged."""
    with path.open("rb") as whole:
        is_gzip = whole.peek(2).startswith(_GZIP)
        inner = gzip.GzipFile(fileobj=whole) if is_gzip else whole
        with io.BufferedReader(_Guarded(inner), _BUFFER_BYTES) as stream:
            yield Opened(stream, whole)


def encoding_name(encoding: str) -> str:
    """Python's name of an encoding. Raises FeedInvalid for what is none."""
    try:
        "".encode(encoding)  # refuses codecs that are no text encodings, such as zip
        return codecs.lookup(encoding).name
    except LookupError as error:
        raise FeedInvalid(f"--encoding {encoding}: no such encoding; for example utf-8, utf-16-le, cp1252") from error
