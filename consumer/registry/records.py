# SPDX-License-Identifier: Apache-2.0
"""Between Avro's plain fields and the dataclasses that travel. Names and order are the same on both sides."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Any

from consumer.events import EventType, Price, ProductEvent

if TYPE_CHECKING:
    from consumer.attributes import ProductAttributes, ProductEmbedding
    from consumer.registry.codec import Fields


#: Most values by far; told first, they cost no call.
_LEAVES = frozenset({str, int, float, bool, bytes, NoneType})


def record_fields(record: ProductEvent | ProductAttributes | ProductEmbedding) -> Fields:
    """A record as Avro writes it."""
    return _walk(record)


def product_event(event: Fields) -> ProductEvent:
    """A product event as Avro read it in the newest version."""
    price = event["price"]
    return ProductEvent(
        **event
        | {
            "event_type": EventType(event["event_type"]),
            "image_urls": tuple(event["image_urls"]),
            "price": None if price is None else Price(**price),
        }
    )


def _walk(record: Any) -> Fields:  # any of the dataclasses above, however deep
    return {
        name: value if (value := getattr(record, name)).__class__ in _LEAVES else _plain(value)
        for name in _names(record.__class__)
    }


def _plain(value: Any) -> Any:  # leaves have the types that Avro takes as they are
    if value.__class__ is tuple:
        return [_plain(item) for item in value]
    return _walk(value) if _names(value.__class__) else value


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()
