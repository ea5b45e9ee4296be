# SPDX-License-Identifier: Apache-2.0
"""How a product is called: the nodes of the category tree that words name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.enrichment.phrases import BREAK, Phrases, Words, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.enrichment.lexicon import Lexicon
    from consumer.enrichment.ontology import Ontology

#: Of nodes, a handle like those of the attributes.
CATEGORY = "category"

#: Steps from the root that tell clothing from shoes, bags and jewelry.
BRANCH_DEPTH = 2

#: Attributes of the one who wears it, which stand in names of categories too.
PERSON = ("target-gender", "age-group")


class CategoryNames:
    """Looks names of categories up: by itself, and within a title."""

    def __init__(self, ontology: Ontology, lexicon: Lexicon) -> None:
        self._ontology = ontology
        self._lexicon = lexicon
        self._nodes: Mapping[Words, str] = _node_names(ontology) | dict(lexicon.categories)
        names = {" ".join(words): {CATEGORY: node} for words, node in self._nodes.items() if BREAK not in words}
        # The longest phrase wins: short sleeves are no shorts.
        self._in_title = Phrases({phrase: {} for phrase in lexicon.text.known()} | names)

    def named(self, name: str) -> str | None:
        """The node of this very name, with or without words for whom it is made: men's shirts."""
        words = self._lexicon.words(name)
        return self._nodes.get(words) or self._nodes.get(self._without_person(words))

    def in_title(self, words: Sequence[str]) -> str | None:
        """The one node that a title names; of several, what they have in common, and None where that says little.

        Cargo trousers are pants. Dress shoes are no dress. What stands behind "with" comes along.
        """
        end = next((place for place, word in enumerate(words) if word in self._lexicon.asides), len(words))
        found = {phrase.meaning[CATEGORY] for phrase in self._in_title.find(words[:end]) if phrase.meaning}
        return deepest(self._ontology, found) or self._shared(found)

    def _shared(self, nodes: set[str]) -> str | None:
        """The deepest node above all of them, below the branches of the tree."""
        steps = zip(*map(self._ontology.path, nodes), strict=False)
        shared = [same[0] for same in steps if len(set(same)) == 1]
        return shared[-1] if len(shared) > BRANCH_DEPTH else None

    def _without_person(self, words: Words) -> Words:
        rest = list(words)
        for phrase in reversed(list(self._lexicon.text.find(words))):
            if phrase.meaning.keys() & set(PERSON):
                del rest[phrase.start : phrase.end]
        return tuple(word for word in rest if word != BREAK)


def deepest(ontology: Ontology, nodes: set[str]) -> str | None:
    """The one below all others; None where two of them are on different branches."""
    inner = {step for node in nodes for step in ontology.path(node)[:-1]}
    ends = nodes - inner
    return ends.pop() if len(ends) == 1 else None


def _node_names(ontology: Ontology) -> dict[Words, str]:
    """Nodes by label and path. Of several with one label the one with the shortest path: leggings are pants first."""
    names: dict[Words, str] = {}
    for node in sorted(ontology.categories.values(), key=lambda node: len(node.path)):
        names.setdefault(words_of(node.label), node.id)
        names.setdefault(words_of(node.breadcrumb), node.id)
    return names
