# SPDX-License-Identifier: Apache-2.0
"""Records as the commands print them: JSON with enums in lower case, bytes in base64, decimals as strings."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from consumer import headers
from consumer.errors import Unprocessable
from consumer.registry.bundled import BundledCodec
from consumer.registry.codec import Decoded
from consumer.registry.files import Subject, schema_versions
from consumer.registry.json_form import read_json_event
from consumer.registry.records import record_fields

if TYPE_CHECKING:
    from decimal import Decimal

    from consumer.attributes import ProductAttributes
    from consumer.events import Delivery, Headers
    from consumer.registry.codec import Codec

#: Scores are 32-bit floats; more digits would be noise of the conversion.
_FLOAT_DIGITS = 7

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Json = Any  # what `json.dumps` takes


class Printer:
    """Turns record values into JSON, guided by the newest schema of each."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._schemas = {subject: schema_versions(subject)[-1] for subject in Subject}
        self._named: dict[str, Json] = {}
        for schema in self._schemas.values():
            self._learn_names(schema)

    def delivery(self, delivery: Delivery) -> dict[str, Json]:
        """One record; `value` is None for a tombstone and, beside `raw` and `error`, where it does not decode."""
        line: dict[str, Json] = {
            "topic": delivery.topic,
            "partition": delivery.partition,
            "offset": delivery.offset,
            "timestamp": _record_time(delivery.timestamp_ms),
            "key": None if delivery.key is None else _text(delivery.key),
            "headers": {name: None if value is None else _text(value) for name, value in delivery.headers},
            "value": None,
        }
        if delivery.value is None:
            return line
        try:
            return line | {"value": self.record(self._decoded(delivery.value, delivery.headers))}
        except Unprocessable as error:
            return line | {"raw": _base64(delivery.value), "error": f"{error.reason}: {error}"}

    def record(self, decoded: Decoded) -> Json:
        """The fields of one record."""
        return self._printed(decoded.fields, self._schemas[decoded.subject])

    def _decoded(self, value: bytes, record_headers: Headers) -> Decoded:
        if headers.media_type(record_headers) == headers.JSON:
            return Decoded(Subject.PRODUCT_EVENTS, record_fields(read_json_event(value).event))
        return self._codec.decode(value, record_headers)

    def _printed(self, value: Json, schema: Json) -> Json:
        if isinstance(schema, list):  # every union of ours is null and one type
            return None if value is None else self._printed(value, schema[-1])
        if isinstance(schema, str):
            return self._printed(value, self._named[schema]) if schema in self._named else _leaf(value)
        match schema["type"]:
            case "record":
                return {field["name"]: self._printed(value[field["name"]], field["type"]) for field in schema["fields"]}
            case "array":
                return [self._printed(item, schema["items"]) for item in value]
            case "map":
                return {name: self._printed(item, schema["values"]) for name, item in value.items()}
        return value.lower() if schema["type"] == "enum" else _leaf(value)

    def _learn_names(self, schema: Json) -> None:
        if isinstance(schema, dict):
            if schema.get("type") in ("record", "enum"):
                self._named[schema["name"]] = schema
            for part in schema.values():
                self._learn_names(part)
        elif isinstance(schema, list):
            for part in schema:
                self._learn_names(part)


def printed_attributes(attributes: ProductAttributes) -> Json:
    """What `events tail` would print of the published record: it goes through its bytes."""
    codec = BundledCodec()
    value = codec.encode(Subject.PRODUCT_ATTRIBUTES, record_fields(attributes))
    return Printer(codec).record(codec.decode(value, ()))


def _leaf(value: str | float | bytes | datetime | Decimal) -> Json:
    if isinstance(value, float):
        return float(f"{value:.{_FLOAT_DIGITS}g}")
    if isinstance(value, bytes):
        return _base64(value)
    if isinstance(value, datetime):
        return _time(value)
    return value if isinstance(value, str | int) else str(value)


def _record_time(timestamp_ms: int) -> str | None:
    """None for a record without a time, and for one that a producer put beyond the year 9999."""
    if timestamp_ms < 0:
        return None
    try:
        return _time(_EPOCH + timedelta(milliseconds=timestamp_ms))
    except OverflowError:
        return None


def _time(moment: datetime) -> str:
    return headers.rfc3339(moment)


def _base64(value: bytes) -> str:
    return b64encode(value).decode()


def _text(value: bytes) -> str:
    # Keys and headers are text by agreement; some producers write numbers into theirs.
    try:
        return value.decode()
    except UnicodeDecodeError:
        return _base64(value)
