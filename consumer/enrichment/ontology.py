# SPDX-License-Identifier: Apache-2.0
"""The words that Hangtag may use: categories as a tree, attributes with their values, all with stable ids.

The files lie beside the models (`triton_models/ontology/`), because a bundle is trained for one version of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from importlib import resources
from typing import TYPE_CHECKING, Any

from consumer.errors import IncompatibleModels

if TYPE_CHECKING:
    from collections.abc import Mapping


class Policy(StrEnum):
    """When a value that clears its threshold may be accepted."""

    AUTO = "auto"
    AGREE = "agree"
    """Only where the text or the vendor says the same."""
    TEXT = "text"
    """Only on the evidence of text or vendor: a photo alone is at most a suggestion."""
    SUGGEST = "suggest"
    """Never; it stays a suggestion."""


@dataclass(frozen=True, slots=True)
class Category:
    """A node of the category tree. `google_id` is its own, or that of its nearest ancestor that has one."""

    id: str
    label: str
    path: tuple[str, ...]
    """Ids from the root to this node, both included."""
    breadcrumb: str
    google_id: str


@dataclass(frozen=True, slots=True)
class Shade:
    """A finer word below one value of an attribute: maroon below red."""

    id: str
    label: str
    family: str


@dataclass(frozen=True, slots=True)
class AttributeKind:
    """One attribute of the ontology and its values."""

    handle: str
    id: str
    max_values: int
    labels: Mapping[str, str]
    """Label by value id, in the order of the file; shades are not among them."""
    shades: Mapping[str, Shade]
    policy: Policy
    applies_to: frozenset[str]
    """Every category that the attribute makes sense for."""

    def family_of(self, label_id: str) -> str:
        """The value that a trained label counts for: a shade's family, else the value itself. KeyError if unknown."""
        if label_id in self.labels:
            return label_id
        return self.shades[label_id].family


@dataclass(frozen=True, slots=True)
class Ontology:
    """One version of all words."""

    version: str
    categories: Mapping[str, Category]
    """Parents before their children."""
    attributes: tuple[AttributeKind, ...]
    _by_handle: Mapping[str, AttributeKind] = field(repr=False)
    _leaves: Mapping[str, tuple[str, ...]] = field(repr=False)

    @classmethod
    def load(cls, version: str) -> Ontology:
        """The shipped ontology of that version. Raises IncompatibleModels when there is none."""
        file = resources.files("triton_models") / "ontology" / f"{version}.json"
        try:
            tree = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise IncompatibleModels(f"the bundle was made for ontology {version}, which this build lacks") from error
        categories = _categories(tree["categories"])
        attributes = tuple(_attribute(entry, categories) for entry in tree["attributes"])
        return cls(
            version=tree["version"],
            categories=categories,
            attributes=attributes,
            _by_handle={kind.handle: kind for kind in attributes},
            _leaves=_leaves(categories),
        )

    def path(self, category_id: str) -> tuple[str, ...]:
        """Ids from the root to the node. KeyError if unknown."""
        return self.categories[category_id].path

    def google_id(self, category_id: str) -> str:
        """The node's id in Google's product taxonomy. KeyError if unknown."""
        return self.categories[category_id].google_id

    def is_leaf(self, category_id: str) -> bool:
        """Whether the node has no children here. KeyError if unknown."""
        return self._leaves[category_id] == (category_id,)

    def leaves_below(self, category_id: str) -> tuple[str, ...]:
        """The leaves of the branch in the order of the file; of a leaf, itself. KeyError if unknown."""
        return self._leaves[category_id]

    def attribute(self, handle: str) -> AttributeKind:
        """The attribute of that handle. KeyError if unknown."""
        return self._by_handle[handle]

    def applies(self, handle: str, category_id: str) -> bool:
        """Whether products of exactly this node have the attribute: no necklines on shoes. KeyError if unknown.

        What holds for a node need not hold below it, nor the other way round.
        """
        return self.categories[category_id].id in self.attribute(handle).applies_to


def _categories(entries: list[dict[str, Any]]) -> dict[str, Category]:
    """Parents come before their children in the file; what a node lacks it takes from its parent."""
    nodes: dict[str, Category] = {}
    for entry in entries:
        node_id, label = entry["id"], entry["label"]
        if entry["parent"] is None:
            nodes[node_id] = Category(node_id, label, (node_id,), label, entry["google_id"])
            continue
        parent = nodes[entry["parent"]]
        nodes[node_id] = Category(
            id=node_id,
            label=label,
            path=(*parent.path, node_id),
            breadcrumb=f"{parent.breadcrumb} > {label}",
            google_id=entry["google_id"] or parent.google_id,
        )
    return nodes


def _leaves(categories: Mapping[str, Category]) -> dict[str, tuple[str, ...]]:
    parents = {node.path[-2] for node in categories.values() if len(node.path) > 1}
    below: dict[str, list[str]] = {node_id: [] for node_id in categories}
    for node in categories.values():
        if node.id not in parents:
            for step in node.path:
                below[step].append(node.id)
    return {node_id: tuple(leaves) for node_id, leaves in below.items()}


def _attribute(entry: dict[str, Any], categories: Mapping[str, Category]) -> AttributeKind:
    return AttributeKind(
        handle=entry["handle"],
        id=entry["id"],
        max_values=entry["max_values"],
        labels={value["id"]: value["label"] for value in entry["values"]},
        shades={shade["id"]: Shade(shade["id"], shade["label"], shade["parent"]) for shade in entry["shades"]},
        policy=Policy(entry["policy"]),
        applies_to=_applicable(entry, categories),
    )


def _applicable(entry: dict[str, Any], categories: Mapping[str, Category]) -> frozenset[str]:
    """Each id of `applies_to` and `not_below` stands for its whole branch; the one nearest to a node decides."""
    if entry["applies_to"] == "all":
        return frozenset(categories)
    starts, stops = frozenset(entry["applies_to"]), frozenset(entry.get("not_below", ()))
    found: set[str] = set()
    for node in categories.values():
        is_below = len(node.path) > 1 and node.path[-2] in found
        if node.id in starts or (is_below and node.id not in stops):
            found.add(node.id)
    return frozenset(found)
