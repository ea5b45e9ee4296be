# SPDX-License-Identifier: Apache-2.0
"""What the vendor says of category, colour and gender: evidence beside the model's opinion, never the truth.

A vendor's words count only where they are exactly a label of the ontology, but for case and white space. The words
themselves are kept in any case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.enrichment.ontology import Category, Ontology
    from consumer.events import ProductEvent

CATEGORY = "category"

#: How vendors name our attributes.
_NAMES = {"color": ("color", "colour"), "target-gender": ("target-gender", "gender")}


@dataclass(frozen=True, slots=True)
class VendorValue:
    """The vendor's words for one attribute, and the id of the label that they are; None when they are none."""

    raw: str
    id: str | None


class VendorWords:
    """Looks the vendor's words up in the labels of one ontology."""

    def __init__(self, ontology: Ontology) -> None:
        self._ids: dict[str, Mapping[str, str]] = {
            CATEGORY: {
                **_nodes_by_label(ontology),
                **{_folded(node.breadcrumb): node.id for node in ontology.categories.values()},
            }
        }
        for kind in ontology.attributes:
            shades = {shade.label: shade.id for shade in kind.shades.values()}
            families = {label: value_id for value_id, label in kind.labels.items()}
            self._ids[kind.handle] = {_folded(label): found for label, found in {**shades, **families}.items()}

    def of(self, event: ProductEvent) -> dict[str, VendorValue]:
        """By ontology handle; handles of which the vendor says nothing are missing."""
        given = {_folded(name): value for name, value in event.vendor_attributes.items()}
        words = {CATEGORY: event.vendor_category or ""}
        for handle in self._ids.keys() - {CATEGORY}:
            words[handle] = next((given[name] for name in _NAMES.get(handle, (handle,)) if given.get(name)), "")
        return {
            handle: VendorValue(raw, self._ids[handle].get(_folded(raw)))
            for handle, raw in words.items()
            if raw.strip()
        }


def _nodes_by_label(ontology: Ontology) -> dict[str, str]:
    """Of several nodes with one label the one nearest to the root: `Jeans` are no maternity jeans.

    Where two are equally near, the label names neither.
    """
    by_label: dict[str, list[Category]] = {}
    for node in ontology.categories.values():
        by_label.setdefault(_folded(node.label), []).append(node)
    named = {}
    for label, nodes in by_label.items():
        highest = min(len(node.path) for node in nodes)
        at_the_top = [node.id for node in nodes if len(node.path) == highest]
        if len(at_the_top) == 1:
            named[label] = at_the_top[0]
    return named


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
