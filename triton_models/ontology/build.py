# SPDX-License-Identifier: Apache-2.0
"""Writes `v1.json` from Shopify's taxonomy and `decisions.toml`: `python -m triton_models.ontology.build FOLDER`.

FOLDER holds `aa_apparel_accessories.yml`, `attributes.yml` and `values.yml` of the release that `decisions.toml` names.
Ids come from there; a test proves that the committed file is what this module makes.
"""

from __future__ import annotations

import json
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HERE = Path(__file__).parent
#: Longest line of the file that still holds a whole entry.
LINE = 118


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """Shopify's files as they are: entries by category id, by attribute handle and by the value's friendly id."""

    categories: Mapping[str, Any]
    attributes: Mapping[str, Any]
    values: Mapping[str, Any]


def read_taxonomy(folder: Path) -> Taxonomy:
    """The three files of that folder; takes seconds. OSError when one is missing."""

    def read(name: str) -> Any:
        # The loader in C: the other one takes half a minute.
        return yaml.load((folder / name).read_text(encoding="utf-8"), yaml.CSafeLoader)

    return Taxonomy(
        categories={entry["id"]: entry for entry in read("aa_apparel_accessories.yml")},
        attributes={entry["handle"]: entry for entry in read("attributes.yml")["base_attributes"]},
        values={entry["friendly_id"]: entry for entry in read("values.yml")},
    )


def build(taxonomy: Taxonomy, decisions: Mapping[str, Any]) -> dict[str, Any]:
    """The whole ontology. KeyError when a decision names what the taxonomy lacks."""
    categories = list(_categories(taxonomy, decisions))
    parents = {entry["id"]: entry["parent"] for entry in categories}
    return {
        "version": decisions["version"],
        "source": decisions["source"],
        "categories": categories,
        "attributes": [
            _attribute(entry, taxonomy, _where(entry, taxonomy, parents, decisions["overrides"]), parents)
            for entry in decisions["attributes"]
        ],
        "overrides": decisions["overrides"],
    }


def write(tree: Any, indent: str = "") -> str:
    """JSON in which whatever fits stands on one line, so that a changed word is a changed line."""
    line = json.dumps(tree, ensure_ascii=False)
    if len(indent) + len(line) <= LINE or not isinstance(tree, dict | list):
        return line
    deeper = indent + "  "
    if isinstance(tree, dict):
        parts = [f"{deeper}{json.dumps(key)}: {write(value, deeper)}" for key, value in tree.items()]
        return "{\n" + ",\n".join(parts) + f"\n{indent}}}"
    return "[\n" + ",\n".join(deeper + write(value, deeper) for value in tree) + f"\n{indent}]"


def _categories(taxonomy: Taxonomy, decisions: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Parents first; below each node the taxonomy's own children, then ours."""
    google_ids, ours = decisions["google_ids"], decisions["categories"]

    def walk(node: str, parent: str | None) -> Iterator[dict[str, Any]]:
        theirs = taxonomy.categories.get(node)
        label = ours[node]["label"] if theirs is None else theirs["name"]
        yield {"id": node, "label": label, "parent": parent, "google_id": google_ids.get(node)}
        for child in [*(theirs["children"] if theirs else ()), *_children(ours, node)]:
            yield from walk(child, node)

    for root in ["aa", *_children(ours, "")]:
        yield from walk(root, None)


def _children(ours: Mapping[str, Any], parent: str) -> list[str]:
    return [node for node, entry in ours.items() if entry["parent"] == parent]


def _where(
    entry: Mapping[str, Any], taxonomy: Taxonomy, parents: Mapping[str, str | None], overrides: list[dict[str, Any]]
) -> set[str]:
    """The categories that the attribute applies to: as listed or as decided, then the overrides."""
    handle = entry["handle"]
    if "applies_to" in entry:
        where = {node for node in parents if _is_below(node, entry["applies_to"], parents)}
    else:
        name = taxonomy.attributes[handle]["friendly_id"]
        listed = {node for node, category in taxonomy.categories.items() if name in category["attributes"]}
        # A node of ours is like the taxonomy's node that it lies below.
        where = {node for node in parents if _nearest(node, taxonomy.categories, parents) in listed}
    for override in overrides:
        if override["handle"] == handle:
            where |= {node for node in parents if _is_below(node, override["applies_to"], parents)}
            where -= {node for node in parents if _is_below(node, override.get("not_below", ()), parents)}
    return where


def _line_to_root(node: str | None, parents: Mapping[str, str | None]) -> Iterator[str]:
    while node is not None:
        yield node
        node = parents[node]


def _is_below(node: str, roots: str | Sequence[str], parents: Mapping[str, str | None]) -> bool:
    """Whether the node is one of the roots or lies below one; `all` stands for every node."""
    return roots == "all" or any(step in roots for step in _line_to_root(node, parents))


def _nearest(node: str, known: Mapping[str, Any], parents: Mapping[str, str | None]) -> str | None:
    return next((step for step in _line_to_root(node, parents) if step in known), None)


def _attribute(
    entry: Mapping[str, Any], taxonomy: Taxonomy, where: set[str], parents: Mapping[str, str | None]
) -> dict[str, Any]:
    handle = entry["handle"]
    if handle.startswith("x-"):
        attribute_id, values = handle, [(_own_id(handle, label), label) for label in entry["values"]]
    else:
        theirs = taxonomy.attributes[handle]
        found = [taxonomy.values[name] for name in theirs["values"]]
        attribute_id, values = str(theirs["id"]), [(str(value["id"]), value["name"]) for value in found]
        if used := entry.get("values"):
            by_label = {label: value_id for value_id, label in values}
            values = [(by_label[label], label) for label in used]
    ids = {label: value_id for value_id, label in values}
    return {
        "handle": handle,
        "id": attribute_id,
        "kind": "multi" if entry["max_values"] > 1 else "single",
        "max_values": entry["max_values"],
        "policy": entry["policy"],
        **_compressed(where, parents),
        "values": [{"id": value_id, "label": label} for value_id, label in values],
        "shades": [
            {"id": shade, "label": words["label"], "parent": ids[words["parent"]]}
            for shade, words in entry.get("shades", {}).items()
        ],
    }


def _own_id(handle: str, label: str) -> str:
    return f"{handle}-{label.lower().replace(' ', '-')}"


def _compressed(where: set[str], parents: Mapping[str, str | None]) -> dict[str, Any]:
    """Only where a branch of the tree begins to apply, and where it stops: the nearest of these decides."""
    if where == set(parents):
        return {"applies_to": "all"}
    starts = [node for node in parents if node in where and parents[node] not in where]
    stops = [node for node in parents if node not in where and parents[node] in where]
    return {"applies_to": starts, "not_below": stops} if stops else {"applies_to": starts}


def decisions() -> dict[str, Any]:
    """What `decisions.toml` says."""
    return tomllib.loads((HERE / "decisions.toml").read_text(encoding="utf-8"))


def main(folder: Path) -> None:
    """Write the file of the version that the decisions name."""
    decided = decisions()
    tree = build(read_taxonomy(folder), decided)
    (HERE / f"{decided['version']}.json").write_text(write(tree) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
