# SPDX-License-Identifier: Apache-2.0
"""From a row of any feed to a checked product event; what a vendor leaves out is derived here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from consumer.attributes import NAMESPACE
from consumer.errors import Unprocessable
from consumer.events import VENDOR_ID
from consumer.registry.json_form import check_event
from consumer.stages.decode import check_identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from consumer.events import ProductEvent

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Row:
    """One product as it stands in a file, its columns named as the fields of ProductEvent."""

    line: int
    fields: dict[str, Any]
    columns_ignored: int = 0
    """Columns that the adapter left out already."""
    fault: str | None = None
    """Why it cannot become an event although its adapter could read it; `fields` may still say which product it is."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot become an event, and why; `line` counts from 1."""

    line: int
    reason: str
    key: str | None = None
    """The product that it is about; None where nobody can tell, so that it may be any."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """A row that became an event; columns that no field is named after were left out."""

    line: int
    event: ProductEvent
    columns_ignored: int


def read_events(
    rows: Iterable[Row | BadRow], started_at: datetime, vendor_id: str | None = None, feed: str | None = None
) -> Iterator[EventRow | BadRow]:
    """The events of a feed, in order. Rows that do not say it get the vendor, the name of the feed, and its time."""
    said = {name: value for name, value in (("vendor_id", vendor_id), ("feed", feed)) if value is not None}
    defaults = {"event_id": "", "event_type": "UPSERT", **said}
    started = (started_at - EPOCH) // MICROSECOND
    for row in rows:
        if isinstance(row, BadRow):
            yield row
        else:
            # Two rows of one product must not get one version: each line is a microsecond later.
            moment = started + row.line
            yield _event_row(row, {**defaults, "product_version": moment, "occurred_at": moment})


def _event_row(row: Row, defaults: dict[str, Any]) -> EventRow | BadRow:
    given = {name: value for name, value in row.fields.items() if value is not None}
    fields = defaults | given
    if row.fault is not None:
        return BadRow(row.line, row.fault, _key(fields))
    follows_time = "occurred_at" in given and "product_version" not in given
    if _is_blank(fields["event_id"]):
        fields["event_id"] = ""
    if fields["event_id"] == "" and not follows_time:
        # Nearly always; to complete the checked event, as below, costs a copy.
        fields["event_id"] = event_id_of(f"{fields.get('vendor_id')}:{fields.get('sku')}", fields["product_version"])
    try:
        checked = check_event(fields)
        check_identity(checked.event)
    except Unprocessable as error:
        return BadRow(row.line, str(error), _key(fields))
    event = _versioned_by_time(checked.event) if follows_time else checked.event
    return EventRow(row.line, event, row.columns_ignored + checked.unknown_fields)


def _is_blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()


def _key(fields: dict[str, Any]) -> str | None:
    """The product that a bad row is about, if its id is whole."""
    vendor_id, sku = fields.get("vendor_id"), fields.get("sku")
    if not isinstance(vendor_id, str) or not isinstance(sku, str) or not sku:
        return None
    is_text = not any("\ud800" <= letter <= "\udfff" for letter in sku)
    return f"{vendor_id}:{sku}" if is_text and VENDOR_ID.fullmatch(vendor_id) else None


def _versioned_by_time(event: ProductEvent) -> ProductEvent:
    version = (event.occurred_at - EPOCH) // MICROSECOND
    return replace(event, product_version=version, event_id=event.event_id or event_id_of(event.key, version))


def event_id_of(key: str, version: object) -> str:
    """The id of the event that states a version of a product, when its sender names none: a UUID of RFC 9562, 5.5.

    Equal to `uuid.uuid5`, in a third of its time: each row needs one.
    """
    code = hashlib.sha1(NAMESPACE.bytes + f"{key}/{version}".encode(), usedforsecurity=False).hexdigest()
    variant = f"{int(code[16], 16) & 0b0011 | 0b1000:x}"
    return f"{code[:8]}-{code[8:12]}-5{code[13:16]}-{variant}{code[17:20]}-{code[20:32]}"
