# SPDX-License-Identifier: Apache-2.0
"""Every record header that Hangtag reads or writes: CloudEvents, trace context, dead letters, ours. Pure functions.

All values are UTF-8 text, so that any language can read them. Where a name occurs more than once the last one counts,
as Kafka's own `lastHeader` has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consumer.events import Delivery, Headers, Rejected

CONTENT_TYPE = "content-type"
AVRO = "application/avro"
JSON = "application/json"

CE_ID = "ce_id"
CE_SOURCE = "ce_source"
CE_TYPE = "ce_type"
CE_SPECVERSION = "ce_specversion"
CE_TIME = "ce_time"
CE_SUBJECT = "ce_subject"
# CloudEvents allows a-z and 0-9 in the names of extension attributes, nothing else.
CE_PRODUCT_VERSION = "ce_productversion"
CE_BUNDLE = "ce_bundle"

#: W3C trace context, handed on from input to outputs.
TRACE = ("traceparent", "tracestate")

SOURCE = "hangtag.source"

#: Where a producer with a registry names the schema when the value has no prefix.
REGISTRY_SCHEMA = "__value_schema_id"

CONNECT = "__connect.errors."
ERROR = "hangtag.error."

#: Dead letters may be 1 MiB larger than events; the two free texts take a small part of that.
MAX_MESSAGE_CHARACTERS = 2_000
MAX_STACKTRACE_CHARACTERS = 8_000


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """What the CloudEvents headers say of a record; `time` is when it was made, `bundle` is None for product events."""

    id: str
    source: str
    type: str
    time: datetime
    subject: str
    product_version: int
    bundle: int | None = None


@dataclass(frozen=True, slots=True)
class Build:
    """Which program and which models gave up on an event."""

    version: str
    bundle: int


def last_value(headers: Headers, name: str) -> str | None:
    """The text of the last header of that name; None without one or without a value. No UTF-8: replaced."""
    for found, value in reversed(headers):
        if found == name:
            return None if value is None else value.decode(errors="replace")
    return None


def media_type(headers: Headers) -> str | None:
    """The content type in lower case, without parameters; None when the record does not say."""
    content_type = last_value(headers, CONTENT_TYPE)
    return None if content_type is None else content_type.partition(";")[0].strip().lower()


def cloud_event_headers(event: CloudEvent) -> Headers:
    """CloudEvents in binary mode: the record's value stays the Avro bytes."""
    bundle = () if event.bundle is None else ((CE_BUNDLE, str(event.bundle).encode()),)
    return (
        (CE_SPECVERSION, b"1.0"),
        (CE_ID, _bytes(event.id)),
        (CE_SOURCE, _bytes(event.source)),
        (CE_TYPE, _bytes(event.type)),
        (CE_TIME, rfc3339(event.time).encode()),
        (CE_SUBJECT, _bytes(event.subject)),
        (CE_PRODUCT_VERSION, str(event.product_version).encode()),
        (CONTENT_TYPE, AVRO.encode()),
        *bundle,
    )


def output_headers(delivery: Delivery, event: CloudEvent) -> Headers:
    """Headers of an output or a tombstone made from `delivery`."""
    trace = tuple(header for header in delivery.headers if header[0] in TRACE)
    return (*cloud_event_headers(event), *_encoded({SOURCE: source_of(delivery)}), *trace)


def dead_letter_headers(delivery: Delivery, rejected: Rejected, build: Build) -> Headers:
    """The original headers, untouched (a redrive count is among them), followed by Connect's seven and ours."""
    why = {
        f"{CONNECT}topic": delivery.topic,
        f"{CONNECT}partition": str(delivery.partition),
        f"{CONNECT}offset": str(delivery.offset),
        f"{CONNECT}stage": rejected.stage,
        f"{CONNECT}exception.class.name": rejected.error_class,
        f"{CONNECT}exception.message": rejected.message[:MAX_MESSAGE_CHARACTERS],
        f"{CONNECT}exception.stacktrace": rejected.stacktrace[-MAX_STACKTRACE_CHARACTERS:],
        f"{ERROR}branch": "unprocessable",
        f"{ERROR}reason": rejected.reason.value,
        f"{ERROR}attempts": str(rejected.attempts),
        f"{ERROR}first_at": rfc3339(rejected.first_at),
        f"{ERROR}last_at": rfc3339(rejected.last_at),
        f"{ERROR}origin_timestamp": str(delivery.timestamp_ms),
        f"{ERROR}build": build.version,
        f"{ERROR}bundle": str(build.bundle),
        SOURCE: source_of(delivery),
    }
    if rejected.event_id is not None:
        why[f"{ERROR}event_id"] = rejected.event_id[:MAX_MESSAGE_CHARACTERS]
    return (*delivery.headers, *_encoded(why))


def source_of(delivery: Delivery) -> str:
    """`topic/partition/offset` of the input record: the value of `hangtag.source`."""
    return f"{delivery.topic}/{delivery.partition}/{delivery.offset}"


def rfc3339(moment: datetime) -> str:
    """An aware time in UTC, with microseconds and a Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _encoded(texts: dict[str, str]) -> Headers:
    return tuple((name, _bytes(text)) for name, text in texts.items())


def _bytes(text: str) -> bytes:
    # A lone surrogate may come out of a vendor's JSON; it must not stop the record that reports it.
    return text.encode(errors="backslashreplace")
