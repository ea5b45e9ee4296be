# SPDX-License-Identifier: Apache-2.0
"""Attributes of which only the vendor's words speak: suggestions, whose confidence is 0 because nobody measured one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.attributes import Attribute, Evidence, Role, Status, Value
from consumer.enrichment.question import MAX_ALTERNATIVES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.enrichment.ontology import AttributeKind
    from consumer.enrichment.vendor import VendorValue


def suggest_from_words(kind: AttributeKind, vendor: VendorValue | None, said: Sequence[str] = ()) -> Attribute:
    """What the vendor's attribute and the text say, the attribute first; nothing when they say nothing.

    Where an attribute takes one value and they name several, it stays open and the candidates are alternatives: no
    confidence was measured, so none of them has the better claim.
    """
    claimed = vendor.ids if vendor else ()
    named = _by_family(kind, (*claimed, *said))
    is_open = not named or (kind.max_values == 1 and len(named) > 1)
    shown = [] if is_open else list(named.values())[: kind.max_values]
    left_open = list(named.values())[:MAX_ALTERNATIVES] if is_open else []
    first = next(iter(named), None)
    return Attribute(
        handle=kind.handle,
        attribute_id=kind.id,
        values=tuple(_value(kind, word, Role.SECONDARY if rank else Role.PRIMARY) for rank, word in enumerate(shown)),
        status=Status.ABSTAINED if is_open else Status.SUGGESTED,
        alternatives=tuple(_value(kind, word, Role.UNKNOWN) for word in left_open),
        evidence=Evidence(text=_says(kind, said, first), vendor=_says(kind, claimed, first)),
        vendor_raw=vendor.raw if vendor else None,
        normalised_from=vendor.raw if vendor and claimed else None,
    )


def _by_family(kind: AttributeKind, words: Sequence[str]) -> dict[str, str]:
    """The first word of each value, in order: of `navy, maroon, red` those of navy and of red."""
    named: dict[str, str] = {}
    for word in words:
        named.setdefault(kind.family_of(word), word)
    return named


def _says(kind: AttributeKind, words: Sequence[str], value: str | None) -> float | None:
    return float(value in {kind.family_of(word) for word in words}) if words else None


def _value(kind: AttributeKind, word: str, role: Role) -> Value:
    family, shade = kind.family_of(word), kind.shades.get(word)
    if shade is None:
        return Value(family, kind.labels[family], confidence=0.0, role=role)
    return Value(family, kind.labels[family], 0.0, role, shade.id, shade.label)
