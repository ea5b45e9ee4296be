# SPDX-License-Identifier: Apache-2.0
"""What the server's refusals and failures mean to us: translated here, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.errors import HangtagError, ModelFailed, Refused, TritonUnavailable

if TYPE_CHECKING:
    from tritonclient.utils import InferenceServerException

#: gRPC codes that say "not you, not here", whoever asks and whatever for.
_REFUSALS = {"UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED"}

_RESTRICTED = "protocol is restricted"
_STUB = "Stub process"


class RequestRefused(ModelFailed):
    """The server finds the request malformed: the contract changed under us, or this event can never work."""


def failure(error: InferenceServerException, asked: str) -> HangtagError:
    """The error to raise for what the server, or the way to it, answered to `asked`.

    UNAVAILABLE has four meanings and a missing model two, so all of them are `TritonUnavailable`, but for a restricted
    protocol: that is our configuration.
    """
    code = (error.status() or "").removeprefix("StatusCode.")
    message = f"{asked}: {code}: {error.message()}"
    if code in _REFUSALS:
        return Refused(message)
    if _RESTRICTED in error.message():
        return Refused(f"{message}; set triton.read_key to the server's read key")
    if code == "INVALID_ARGUMENT":
        return RequestRefused(message)
    # A dead stub is never restarted, and its server says "ready" for ever: that is no verdict on the event.
    if code == "INTERNAL" and _STUB not in error.message():
        return ModelFailed(message)
    return TritonUnavailable(message)
