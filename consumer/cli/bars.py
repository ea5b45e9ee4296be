# SPDX-License-Identifier: Apache-2.0
"""How far a long computation is, for people who watch a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress as Bars

    from triton_models.training.progress import Progress


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Bars on a terminal, nothing elsewhere: logs of a build need no thousand lines."""
    from rich.console import Console

    from triton_models.training.progress import Silent

    console = Console(stderr=True)
    if not console.is_terminal:
        yield Silent()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=console) as bars:
        yield _Terminal(bars)


class _Terminal:
    """One bar per step."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars

    def of(self, step: str) -> Callable[[int, int], None]:
        """A reporter that moves the step's bar."""
        bar = self._bars.add_task(step, total=None)
        return lambda done, total: self._bars.update(bar, completed=done, total=total)
