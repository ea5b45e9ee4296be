# SPDX-License-Identifier: Apache-2.0
"""From a row of any feed to a checked product event; what a vendor leaves out is derived here."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO

from consumer.attributes import NAMESPACE
from consumer.errors import Unprocessable
from consumer.registry.json_form import check_event
from consumer.stages.decode import check_identity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.events import ProductEvent

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Row:
    """One product as it stands in a file, its columns named as the fields of ProductEvent."""

    line: int
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot become an event, and why; `line` counts from 1."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """A row that became an event; columns that no field is named after were left out."""

    line: int
    event: ProductEvent
    columns_ignored: int


Adapter = Callable[[BinaryIO], Iterator[Row | BadRow]]
"""Reads one file format, row by row, in flat memory."""


def read_events(
    rows: Iterable[Row | BadRow], started_at: datetime, vendor_id: str | None = None
) -> Iterator[EventRow | BadRow]:
    """The events of a feed, in order. Rows without a vendor get `vendor_id`, those without a time `started_at`."""
    for row in rows:
        yield row if isinstance(row, BadRow) else _event_row(row, started_at, vendor_id)


def _event_row(row: Row, started_at: datetime, vendor_id: str | None) -> EventRow | BadRow:
    # Two rows of one product must not get one version: each line is a microsecond later.
    moment = started_at + row.line * _MICROSECOND
    given = {name: value for name, value in row.fields.items() if value is not None}
    derived = {
        "event_id": "",
        "event_type": "UPSERT",
        "product_version": 0,
        "occurred_at": (moment - _EPOCH) // _MICROSECOND,
    }
    if vendor_id is not None:
        derived["vendor_id"] = vendor_id
    try:
        checked = check_event(derived | given)
        check_identity(checked.event)
    except Unprocessable as error:
        return BadRow(row.line, str(error))
    return EventRow(row.line, _completed(checked.event, given), checked.unknown_fields)


def _completed(event: ProductEvent, given: dict[str, Any]) -> ProductEvent:
    """The event with what follows from its other fields."""
    version = event.product_version
    if "product_version" not in given:
        version = (event.occurred_at - _EPOCH) // _MICROSECOND
    event_id = event.event_id or str(uuid.uuid5(NAMESPACE, f"{event.key}/{version}"))
    return replace(event, product_version=version, event_id=event_id)
