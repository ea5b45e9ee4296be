# SPDX-License-Identifier: Apache-2.0
"""The option `--output` of every command that prints data, and how foreign words are printed."""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

#: A terminal obeys control characters, those of the C1 range too, and the marks of direction reorder what is seen.
_OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

#: Faults that are named; of a file of another kind there are as many as it has rows.
SHOWN_FAULTS = 20


class Output(StrEnum):
    """For people, or for programs."""

    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", help="text for people, json for programs.")]


def visible(text: str) -> str:
    r"""Words of a stranger on one line: what a terminal would obey is shown as `\uXXXX`."""
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


def print_lines(lines: Iterable[str]) -> None:
    """Print one after the other, each at once, until the reader has enough."""
    with reader_may_leave():
        for line in lines:
            print(line, flush=True)


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Ends the block when nobody reads any more: `| head -1` is no error."""
    try:
        yield
    except BrokenPipeError:
        # Python flushes once more at its end, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
