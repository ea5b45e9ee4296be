# SPDX-License-Identifier: Apache-2.0
"""What came out of the demo: read anew from the topics, held against what went in and against what was drawn."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from consumer.catalogue.products import Product, Trouble
from consumer.kafka.tail import Span, tail
from consumer.registry.bundled import BundledCodec
from consumer.settings import Delivery

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.events import Delivery as Record
    from consumer.settings import KafkaSettings, TopicSettings

_READ_LIMIT_S = 30.0

Fields = dict[str, Any]  # a decoded Avro record
"""One attributes record, as `schemas/product-attributes-value` has it."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What the topics hold for one vendor's products."""

    attributes: tuple[tuple[str, Fields | None], ...]
    """Key and record of everything in the attributes topic, in order per key; None is a tombstone."""
    dead_letters: tuple[str, ...]
    """Keys."""

    def by_key(self) -> Mapping[str, Fields | None]:
        """The newest record of each key."""
        return dict(self.attributes)

    @property
    def degraded(self) -> int:
        """Records that could not use all that the vendor gave."""
        return sum(fields is not None and fields["status"] == "DEGRADED" for _, fields in self.attributes)


def collect(kafka: KafkaSettings, topics: TopicSettings, vendor_id: str) -> Answers:
    """Read both output topics with a fresh reader that sees committed records only."""
    codec = BundledCodec()

    def records(topic: str) -> list[Record]:
        with closing(tail(kafka, Span(topic), _READ_LIMIT_S)) as found:
            return [record for record in found if (record.key or b"").startswith(f"{vendor_id}:".encode())]

    return Answers(
        attributes=tuple(
            (_key(record), None if record.value is None else codec.decode(record.value, record.headers).fields)
            for record in records(topics.attributes)
        ),
        dead_letters=tuple(_key(record) for record in records(topics.dead_letters)),
    )


def differences(sent: Mapping[str, Product], events_in: int, answers: Answers, delivery: Delivery) -> list[str]:
    """Where what came out is not what went in; empty when each event has exactly one answer.

    Without transactions an answer may come twice: then only the keys are compared.
    """
    wrong = {key for key, product in sent.items() if product.trouble is Trouble.BROKEN_RECORD}
    found = {
        "attributes": (set(answers.by_key()), sent.keys() - wrong),
        "dead letters": (set(answers.dead_letters), wrong),
    }
    complaints = [
        f"{where}: {len(expected - keys)} keys are missing and {len(keys - expected)} should not be there"
        for where, (keys, expected) in found.items()
        if keys != expected
    ]
    out = len(answers.attributes) + len(answers.dead_letters)
    if delivery is Delivery.EXACTLY_ONCE and out != events_in:
        complaints.append(f"{events_in} events went in, {out} answers and dead letters came out")
    return complaints


def accuracy(sent: Mapping[str, Product], answers: Answers) -> dict[str, Any]:
    """Share of products whose likeliest answer is what was drawn, and the same for silent titles; None for none."""
    answered = [(product, fields) for key, fields in answers.by_key().items() if fields and (product := sent.get(key))]
    silent = [(product, fields) for product, fields in answered if not product.truth.is_titled]
    return {
        **_shares(answered),
        "untitled": _shares(silent),
        "n": len(answered),
        "n_untitled": len(silent),
    }


def likeliest(fields: Fields, handle: str) -> Fields | None:
    """The first value of an attribute, else the first alternative; None without any."""
    (attribute,) = (entry for entry in fields["attributes"] if entry["handle"] == handle)
    return next(iter([*attribute["values"], *attribute["alternatives"]]), None)


def _shares(answered: Sequence[tuple[Product, Fields]]) -> dict[str, float | None]:
    def share(right: list[bool]) -> float | None:
        return round(sum(right) / len(right), 3) if right else None

    return {
        "category": share([product.truth.category in fields["category"]["path"][-1:] for product, fields in answered]),
        "gender": share([_id(fields, "target-gender") == product.truth.gender for product, fields in answered]),
        "color": share([_id(fields, "color") == product.truth.color for product, fields in answered]),
    }


def _id(fields: Fields, handle: str) -> str | None:
    value = likeliest(fields, handle)
    return None if value is None else value["id"]


def _key(record: Record) -> str:
    return (record.key or b"").decode()
