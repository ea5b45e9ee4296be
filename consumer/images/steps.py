# SPDX-License-Identifier: Apache-2.0
"""What was done for one image, in order: for the operator who asks why, never for the vendor."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class StepKind(StrEnum):
    """What was done."""

    REQUEST = "request"
    """One hop: its answer's status, or the reason why there was none."""
    REDIRECT = "redirect"
    """A target that the policy refused."""
    RETRY = "retry"
    """All of it once more, because of this reason."""
    DECODE = "decode"
    """Format and size of the picture, or the reason why it cannot be used."""


@dataclass(frozen=True, slots=True)
class Step:
    """One of them."""

    kind: StepKind
    target: str
    """Scheme, host, port and path: no query string, which may hold a signature, and no userinfo."""
    outcome: str
    """A status code, `JPEG 1000x1333`, or a FetchReason word."""
    seconds: float
    address: str | None = None
    """That was dialled or refused; None on a kept connection."""
