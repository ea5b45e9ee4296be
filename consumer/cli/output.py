# SPDX-License-Identifier: Apache-2.0
"""What every command that prints data shares: the option `--output`, foreign words made harmless, a checked stdout."""

from __future__ import annotations

import codecs
import io
import json
import os
import re
import sys
from contextlib import contextmanager, redirect_stdout
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consumer.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from _typeshed import ReadableBuffer

#: A terminal obeys control characters, those of the C1 range too, and the marks of direction reorder what is seen.
#: Surrogates stand for bytes that are no text, and no stream that is strict takes them.
_OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

#: Faults that are named; of a file of another kind there are as many as it has rows.
SHOWN_FAULTS = 20


class Output(StrEnum):
    """For people, or for programs."""

    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", help="text for people, json for programs.")]


def visible(text: str) -> str:
    r"""Words of a stranger on one line: what a terminal would obey, or cannot show, is `\uXXXX`."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def json_text(value: Any, indent: int | None = None) -> str:
    """JSON of a value that a stranger may have written: the same for a program, and harmless on a terminal."""
    return "\n".join(map(visible, json.dumps(value, ensure_ascii=False, indent=indent).split("\n")))


def name_some(faults: Sequence[str]) -> None:
    """Say on standard error what is wrong: the first some by name, and how many more there are."""
    for fault in faults[:SHOWN_FAULTS]:
        print(visible(fault), file=sys.stderr)
    if len(faults) > SHOWN_FAULTS:
        print(f"... and {len(faults) - SHOWN_FAULTS:,} more", file=sys.stderr)


class ReaderLeft(Exception):
    """Nobody reads standard output any more, as behind `| head -1`."""


class _Checked(io.FileIO):
    """A file that tells its faults apart from those of other files and of sockets, which are OSErrors too."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Raises ReaderLeft, and Refused for a disk that is full."""
        try:
            return super().write(data)
        except BrokenPipeError as error:
            raise ReaderLeft from error
        except OSError as error:
            raise Refused(f"standard output: {error.strerror}") from error


def _escape(error: UnicodeError) -> tuple[str, int]:
    r"""As `backslashreplace` does, but for `\xe9` and `\U0001f457`, which JSON does not have."""
    assert isinstance(error, UnicodeEncodeError)
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


_ESCAPED = "hangtag.escaped"
codecs.register_error(_ESCAPED, _escape)


@contextmanager
def checked_stdout() -> Iterator[None]:
    r"""Inside of the block, a line on standard output is written at once, or raises ReaderLeft or Refused.

    Characters that its encoding does not have become `\uXXXX`, as JSON has it, in text too.
    """
    plain = sys.stdout
    if plain is None:  # closed by whoever started us
        yield
        return
    buffer = io.BufferedWriter(_Checked(plain.fileno(), "w", closefd=False))
    with redirect_stdout(io.TextIOWrapper(buffer, plain.encoding, _ESCAPED, line_buffering=True)) as stdout:
        yield
        try:
            stdout.flush()
        except (ReaderLeft, Refused):  # it was told; Python would flush once more, and complain
            os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
