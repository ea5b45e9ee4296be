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

    def family_of(self, label_id: str) -> str:
        """The value that a trained label counts for: a shade's family, else the value itself. KeyError if unknown."""
        if label_id in self.labels:
            return label_id
        return self.shades[label_id].family


@dataclass(frozen=True, slots=True)
class Ontology:
    """One version of all words. Attributes apply to every category for now."""

    version: str
    categories: Mapping[str, Category]
    attributes: tuple[AttributeKind, ...]
    _children: frozenset[str] = field(repr=False)

    @classmethod
    def load(cls, version: str) -> Ontology:
        """The shipped ontology of that version. Raises IncompatibleModels when there is none."""
        file = resources.files("triton_models") / "ontology" / f"{version}.json"
        try:
            tree = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise IncompatibleModels(f"the bundle was made for ontology {version}, which this build lacks") from error
        return cls(
            version=tree["version"],
            categories=_categories(tree["categories"]),
            attributes=tuple(_attribute(entry) for entry in tree["attributes"]),
            _children=frozenset(entry["parent"] for entry in tree["categories"] if entry["parent"]),
        )

    def path(self, category_id: str) -> tuple[str, ...]:
        """Ids from the root to the node. KeyError if unknown."""
        return self.categories[category_id].path

    def google_id(self, category_id: str) -> str:
        """The node's id in Google's product taxonomy. KeyError if unknown."""
        return self.categories[category_id].google_id

    def is_leaf(self, category_id: str) -> bool:
        """Whether the node has no children here."""
        return category_id not in self._children

    def attribute(self, handle: str) -> AttributeKind:
        """The attribute of that handle. KeyError if unknown."""
        for kind in self.attributes:
            if kind.handle == handle:
                return kind
        raise KeyError(handle)


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


def _attribute(entry: dict[str, Any]) -> AttributeKind:
    return AttributeKind(
        handle=entry["handle"],
        id=entry["id"],
        max_values=entry["max_values"],
        labels={value["id"]: value["label"] for value in entry["values"]},
        shades={shade["id"]: Shade(shade["id"], shade["label"], shade["parent"]) for shade in entry["shades"]},
        policy=Policy(entry["policy"]),
    )
