# SPDX-License-Identifier: Apache-2.0
"""The options that say of a feed file what it does not say itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consumer.feeds.mapping import Mapping


@dataclass(frozen=True, slots=True)
class DeletedWhen:
    """A row withdraws its product where this column has this value."""

    column: str
    value: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file does not say of itself; None: found out, or not so."""

    encoding: str | None = None
    delimiter: str | None = None
    mapping: Mapping | None = None
    deleted_when: DeletedWhen | None = None
