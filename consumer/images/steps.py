# SPDX-License-Identifier: Apache-2.0
"""What was done for one image, in order: for the operator who asks why, never for the vendor."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from yarl import URL

    from consumer.events import FetchReason


class StepKind(StrEnum):
    """What was done."""

    REQUEST = "request"
    """One hop: its answer's status, or the reason why there was none."""
    REFUSED = "refused"
    """An address of the next request's name, and why it was not dialled."""
    REDIRECT = "redirect"
    """A target that the policy refused."""
    RETRY = "retry"
    """All of it once more, because of this reason."""
    DECODE = "decode"
    """Format and size of the picture, or the reason why it cannot be used."""


class Step(NamedTuple):
    """One of them, as it was found: nothing is put into words before somebody asks."""

    kind: StepKind
    place: URL | str
    result: FetchReason | int | str
    seconds: float = 0.0
    address: str | None = None
    """That was dialled or refused, with a proxy its own; None on a kept connection."""
    cause: str | None = None
    """More of a failure; it may be a host's own words, as many as it likes."""

    @property
    def target(self) -> str:
        """Scheme, host, port and path, without userinfo and query string, which may hold a signature. Or a size.

        Of a long one the beginning, and `…`.
        """
        if isinstance(self.place, str):
            whole = shown(self.place)
        else:
            whole = f"{self.place.scheme}://{self.place.host_port_subcomponent}{self.place.raw_path}"
        return whole if len(whole) <= _TARGET_CHARACTERS else whole[:_TARGET_CHARACTERS] + "…"

    @property
    def outcome(self) -> str:
        """A status code, `JPEG 1000x1333`, or a FetchReason word."""
        return str(self.result)

    @property
    def why(self) -> str | None:
        """The beginning of the cause, which is enough to know it by."""
        return _text(self.cause)[:_CAUSE_CHARACTERS] if self.cause else None

    def as_dict(self) -> dict[str, str | float | None]:
        """In words, for JSON."""
        return {
            "kind": self.kind.value,
            "target": self.target,
            "outcome": self.outcome,
            "seconds": self.seconds,
            "address": self.address,
            "cause": self.why,
        }


#: Of a cause, and of a target, that are shown: a host may send kilobytes.
_CAUSE_CHARACTERS = 100
_TARGET_CHARACTERS = 200
_USERINFO = re.compile(r"(^[a-z][a-z0-9+.-]*:[/\\]*|^[/\\]{2,})[^/?#]*@", re.IGNORECASE)


def shown(location: str) -> str:
    """A redirect's target as it may be shown, however a host wrote it: without userinfo, query string and fragment."""
    return re.split(r"[?#]", _USERINFO.sub(r"\1", _text(location)), maxsplit=1)[0]


def _text(words: str) -> str:
    r"""With `\udcff` in place of a byte that is no UTF-8: that is no text, and some readers of JSON refuse it."""
    return words.encode(errors="backslashreplace").decode()
