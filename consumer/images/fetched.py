# SPDX-License-Identifier: Apache-2.0
"""What a fetch brings, and who hears what of it: the operator all, a vendor nothing of what is on our side."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import structlog

from consumer.events import FetchReason
from consumer.images.steps import Step, StepKind, shown
from consumer.settings.host_names import literal_of

if TYPE_CHECKING:
    from yarl import URL

    from consumer.images.exchange import Answer

log = structlog.get_logger()

#: Refusals of an address, where a URL itself has passed.
_AT_THE_DOOR = frozenset({FetchReason.BLOCKED_ADDRESS, FetchReason.PORT})
#: Limits that may end a look-up.
_TOO_LATE = frozenset({FetchReason.TIMEOUT_TOTAL, FetchReason.TIMEOUT_CONNECT})


class Fetched(NamedTuple):
    """A body that came whole: not empty, within the cap, and nothing more is known of it."""

    url: str
    body: bytes
    steps: tuple[Step, ...] = ()


class FetchFailed(NamedTuple):
    """Why there is no body. What was found where belongs to our log, not to the vendor's event."""

    url: str
    reason: FetchReason
    steps: tuple[Step, ...] = ()
    told: FetchReason | None = None
    """In the vendor's event, instead of a reason that would tell of names on our side."""


FetchResult = Fetched | FetchFailed


def public_reason(answer: Answer, url: URL) -> FetchReason | None:
    """What the vendor hears instead of the reason, if anything.

    What an address in its URL is, it knows; that was judged before. Of a name it shall not learn that it exists on our
    side: where the connector refuses, it reads as if nobody knew it. A proxy has its own words for an unknown name.
    """
    if answer.reason in _TOO_LATE:  # how much time was left, the vendor's own host may have chosen
        return None if answer.dial is None or answer.dial.is_looked_up else FetchReason.DNS
    if answer.reason not in _AT_THE_DOOR:
        return None
    is_name = literal_of(url.raw_host or "") is None
    return FetchReason.DNS if is_name and answer.dial and answer.dial.refused else FetchReason.CONNECT


def refusal_in(result: FetchResult) -> FetchReason | None:
    """Why our own policy said no, if it did: to the URL, to where it led, or to an address on the way to a picture."""
    if isinstance(result, FetchFailed) and result.reason.is_refusal:
        return result.reason
    refused = _refused_address(result)
    return refused.result if refused and isinstance(refused.result, FetchReason) else None


def warn_of_address(result: FetchResult, vendor_id: str) -> None:
    """Tell the operator, who alone may know, which address was refused: one for each image, if there is any."""
    refused = _refused_address(result)
    if refused is None and (isinstance(result, Fetched) or result.reason is not FetchReason.BLOCKED_ADDRESS):
        return
    where = refused or (result.steps[-1] if result.steps else None)  # a proxy's word, a redirect, or the URL itself
    target, address = (where.target, where.address) if where else (shown(result.url), None)
    log.warning("image_address_refused", vendor_id=vendor_id, url=shown(result.url), target=target, address=address)


def _refused_address(result: FetchResult) -> Step | None:
    for step in result.steps:
        if step.kind is StepKind.REFUSED:
            return step
    return None
