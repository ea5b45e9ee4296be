# SPDX-License-Identifier: Apache-2.0
"""Who is told how far a long computation is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Progress(Protocol):
    """A place for progress: a terminal, or nowhere."""

    def of(self, step: str) -> Callable[[int, int], None]:
        """A reporter for one step, called with what is done and what there is in all."""
        ...


class Silent:
    """Tells nobody."""

    def of(self, step: str) -> Callable[[int, int], None]:
        """A reporter that does nothing."""
        del step
        return lambda _done, _total: None
