# SPDX-License-Identifier: Apache-2.0
"""How far long work is, for people who watch a terminal; elsewhere nothing, or a line for each step."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress, ProgressColumn


class Bars:
    """Bars on standard error, and lines above them; without a progress to draw on, nothing."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._reporters: dict[str, Callable[[int, int], None]] = {}

    def say(self, message: str) -> None:
        """Print a line above the bars."""
        if self._progress:
            self._progress.console.print(message, highlight=False, markup=False)

    def of(self, step: str) -> Callable[[int, int], None]:
        """A reporter that moves a bar of its own, which stands there from now on."""
        progress = self._progress
        if progress is None:
            return lambda _done, _total: None
        bar = progress.add_task(step, total=None)
        return lambda done, total: progress.update(bar, completed=done, total=total)

    def advance(self, what: str, done: int, total: int) -> None:
        """Move the bar of that name."""
        if what not in self._reporters:
            self._reporters[what] = self.of(what)
        self._reporters[what](done, total)


class Lines(Bars):
    """For what is no terminal: what happens, and how much each step did, when it is done."""

    def __init__(self) -> None:
        super().__init__(None)

    def say(self, message: str) -> None:
        """Print a line."""
        print(message, file=sys.stderr, flush=True)

    def advance(self, what: str, done: int, total: int) -> None:
        """Print a line at the end of the step."""
        if done == total:
            self.say(f"{what}: {total}")


@contextmanager
def progress_bars(*, of_bytes: bool = False, or_lines: bool = False) -> Iterator[Bars]:
    """Bars that count things and the time that went, or bytes and the time that is left.

    Where there is no terminal, lines if they are asked for, else nothing.
    """
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines() if or_lines else Bars(None)
        return
    from rich.progress import BarColumn, Progress, TextColumn

    name = TextColumn("{task.description:<20}", markup=False)  # a file may be called [red].csv
    with Progress(name, BarColumn(), *_figures(of_bytes), console=console) as progress:
        yield Bars(progress)


def _figures(of_bytes: bool) -> tuple[ProgressColumn, ProgressColumn]:
    from rich.progress import DownloadColumn, MofNCompleteColumn, TimeElapsedColumn, TimeRemainingColumn

    return (DownloadColumn(), TimeRemainingColumn()) if of_bytes else (MofNCompleteColumn(), TimeElapsedColumn())
