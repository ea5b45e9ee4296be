# SPDX-License-Identifier: Apache-2.0
"""What the connector did for the request that runs, for whoever asked for it."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consumer.events import FetchReason


@dataclass(slots=True)
class Dial:
    """What the connector did for one request; filled in where it happens."""

    address: str | None = None
    """Of the connection that came up, else the last that was tried; None on a kept connection."""
    refused: dict[str, FetchReason] = field(default_factory=dict)
    """Addresses that were not tried. aiohttp goes on to another one, or merges errors into one that hides these."""
    stands: bool = False
    """Whether a new connection came up, with a host or its proxy."""
    dns_s: float = 0.0
    connect_s: float = 0.0
    """Until the connection stood, DNS included."""

    @property
    def is_looked_up(self) -> bool:
        """Whether the name's addresses were known, or none had to be."""
        return bool(self.address or self.refused or self.connect_s)


#: Of the request that runs. A name that two ask for at once is looked up on one's account.
dials: ContextVar[Dial] = ContextVar("dials")
