# SPDX-License-Identifier: Apache-2.0
"""What was done for one image, in order: for the operator who asks why, never for the vendor."""

from __future__ import annotations

import re
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
    """Scheme, host, port and path: no query string, which may hold a signature, and no userinfo. Or a body's size."""
    outcome: str
    """A status code, `JPEG 1000x1333`, or a FetchReason word."""
    seconds: float
    address: str | None = None
    """That was dialled or refused; None on a kept connection."""


_USERINFO = re.compile(r"(^[a-z][a-z0-9+.-]*:[/\\]*|^[/\\]{2,})[^/?#]*@", re.IGNORECASE)


def shown(location: str) -> str:
    """A redirect's target as it may be shown, however a host wrote it: without userinfo, query string and fragment."""
    return re.split(r"[?#]", _USERINFO.sub(r"\1", location), maxsplit=1)[0]
