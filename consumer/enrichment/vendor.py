# SPDX-License-Identifier: Apache-2.0
"""What the vendor's own fields say of category and attributes: evidence beside the model's opinion, never the truth.

The vendor's words are kept in any case, whether or not they mean something to us.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.enrichment.nouns import CATEGORY, PERSON
from consumer.enrichment.phrases import Words, words_of
from consumer.enrichment.words import is_negated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.enrichment.lexicon import Lexicon
    from consumer.enrichment.nouns import CategoryNames
    from consumer.enrichment.ontology import Ontology
    from consumer.events import ProductEvent

#: Values and paths are a few words; more is a text, or hostile.
MAX_CHARACTERS = 500
#: Vendor attributes that are looked at; a real feed has some dozens.
MAX_FIELDS = 256

_STEP = re.compile(r"\s*(?:>|»|/|\|)\s*")
"""Between the levels of a category path."""


@dataclass(frozen=True, slots=True)
class VendorValue:
    """The vendor's words for one attribute, and the values or shades, or the one category, that they name."""

    raw: str
    ids: tuple[str, ...] = ()


class VendorWords:
    """Looks the vendor's words up in one ontology and its lexicon."""

    def __init__(self, ontology: Ontology, lexicon: Lexicon, names: CategoryNames) -> None:
        self._lexicon = lexicon
        self._names = names
        self._labels: dict[str, Mapping[Words, str]] = {}
        for kind in ontology.attributes:
            labels = {words_of(label): value for value, label in kind.labels.items()}
            shades = {words_of(shade.label): shade.id for shade in kind.shades.values()}
            self._labels[kind.handle] = {**shades, **labels}
        own_names = {words_of(kind.handle): (kind.handle,) for kind in ontology.attributes}
        self._handles: Mapping[Words, tuple[str, ...]] = {**own_names, **lexicon.fields}
        self._node_ids = frozenset(ontology.categories)
        self._by_google_id: dict[str, str] = {}
        for node in ontology.categories.values():
            self._by_google_id.setdefault(node.google_id, node.id)

    def of(self, event: ProductEvent) -> dict[str, VendorValue]:
        """By ontology handle; handles of which the vendor says nothing are missing."""
        said: dict[str, VendorValue] = {}
        if event.vendor_category and event.vendor_category.strip():
            said[CATEGORY] = VendorValue(event.vendor_category, self._category(event.vendor_category[:MAX_CHARACTERS]))
        for _, (name, raw) in zip(range(MAX_FIELDS), event.vendor_attributes.items(), strict=False):
            handles = self._handles.get(words_of(name[:MAX_CHARACTERS]), ()) if raw.strip() else ()
            for rank, handle in enumerate(handles):
                value = VendorValue(raw, self._values(handle, raw[:MAX_CHARACTERS]))
                # A gender's field may tell the age as well, if it does. Of two fields for one attribute, the first
                # that means something counts.
                if value.ids and not (handle in said and said[handle].ids):
                    said[handle] = value
                elif rank == 0:
                    said.setdefault(handle, value)
        return self._persons(event.vendor_category or "") | said

    def _persons(self, category: str) -> dict[str, VendorValue]:
        """Whom the products of a category are made for: of men's shirts, men."""
        values = {handle: self._values(handle, category[:MAX_CHARACTERS]) for handle in PERSON}
        return {handle: VendorValue(category, ids) for handle, ids in values.items() if ids}

    def _values(self, handle: str, raw: str) -> tuple[str, ...]:
        words = self._lexicon.words(raw)
        if label := self._labels[handle].get(words):
            return (label,)
        found = self._lexicon.field.find(words)
        meant = (phrase.meaning.get(handle) for phrase in found if not is_negated(self._lexicon, words, phrase.start))
        return tuple(dict.fromkeys(value for value in meant if value))

    def _category(self, raw: str) -> tuple[str, ...]:
        """One node or none: an id of ours or of Google's, a whole path, else the deepest step that is a name."""
        plain = raw.strip()
        if plain in self._node_ids:
            return (plain,)
        if plain in self._by_google_id:
            return (self._by_google_id[plain],)
        for step in (plain, *reversed(_STEP.split(plain))):
            if node := self._names.named(step):
                return (node,)
        return ()
