# SPDX-License-Identifier: Apache-2.0
"""What a fetch brings, and who hears what of it: the operator all, a vendor nothing of what is on our side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from consumer.events import FetchReason
from consumer.images.steps import Step, shown
from consumer.settings.host_names import literal_of

if TYPE_CHECKING:
    from yarl import URL

    from consumer.images.exchange import Answer

log = structlog.get_logger()

#: Refusals of an address, where a URL itself has passed.
_AT_THE_DOOR = frozenset({FetchReason.BLOCKED_ADDRESS, FetchReason.PORT})


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body that came whole: not empty, within the cap, and nothing more is known of it."""

    url: str
    body: bytes
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class FetchFailed:
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
    if answer.reason not in _AT_THE_DOOR:
        return None
    is_name = literal_of(url.raw_host or "") is None
    return FetchReason.DNS if is_name and answer.dial and answer.dial.refused else FetchReason.CONNECT


def warn_of_refusal(vendor_id: str, url: str, steps: tuple[Step, ...]) -> None:
    """For the operator alone: where the way led, and to which address if that is not what the URL names."""
    target, address = shown(url), None
    if steps:
        refused = next((step for step in steps if step.result in _AT_THE_DOOR), steps[-1])
        target, address = refused.target, refused.address
    log.warning("image_address_refused", vendor_id=vendor_id, url=shown(url), target=target, address=address)
