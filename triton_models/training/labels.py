# SPDX-License-Identifier: Apache-2.0
"""What the heads may answer, and which answers are right for a product: raw labels through the crosswalk."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from consumer.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from consumer.enrichment.ontology import Ontology
    from triton_models.training.datasets import LabelledProduct

#: Training rows that a category needs to become an answer.
CATEGORY_MIN_ROWS = 100
#: A shade with fewer rows counts for its family only.
COLOUR_MIN_ROWS = 100


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """From a data set's values to nodes and values of the ontology."""

    categories: Mapping[str, str]
    genders: Mapping[str, str]
    colours: Mapping[str, str]

    def value(self, handle: str, product: LabelledProduct) -> str | None:
        """The ontology's word for a product, None where the label is missing or has no word."""
        match handle:
            case "category":
                return self.categories.get(product.labels.get("articleType", ""))
            case "target-gender":
                return self.genders.get(product.labels.get("gender", ""))
            case "color":
                return self.colours.get(product.labels.get("baseColour", ""))
            case _:
                raise KeyError(handle)


def load_crosswalk(name: str) -> Crosswalk:
    """The crosswalk file of that name beside the ontology. Raises Refused when there is none."""
    file = resources.files("triton_models") / "ontology" / "crosswalks" / f"{name}.json"
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Refused(f"there is no crosswalk {name}") from error
    return Crosswalk(
        categories=tree["articleType"],
        genders={raw: values["target-gender"] for raw, values in tree["gender"].items()},
        colours=tree["baseColour"],
    )


@dataclass(frozen=True, slots=True)
class LabelSpace:
    """The answers of one task, in the column order that the bundle freezes."""

    handle: str
    labels: tuple[str, ...]
    admissible: Mapping[str, tuple[int, ...]]
    """By ontology word, the columns that are right: its own, or those below its nearest node that has any."""

    def targets(self, words: Sequence[str | None]) -> NDArray[np.bool_]:
        """`[n, K]`: the right columns of each product; a row without any is a missing label and is masked."""
        rows = np.zeros((len(words), len(self.labels)), dtype=np.bool_)
        for index, word in enumerate(words):
            if word is not None:
                rows[index, list(self.admissible.get(word, ()))] = True
        return rows


def label_spaces(
    ontology: Ontology, crosswalk: Crosswalk, training: Sequence[LabelledProduct]
) -> tuple[LabelSpace, ...]:
    """The answers of the three tasks: the words that the training split holds often enough."""
    counts = {
        handle: Counter(word for product in training if (word := crosswalk.value(handle, product)))
        for handle in ("category", "target-gender", "color")
    }
    colour = ontology.attribute("color")
    paths = {node: category.path for node, category in ontology.categories.items()}
    shades = {value: (value,) for value in colour.labels} | {
        shade: (kind.family, shade) for shade, kind in colour.shades.items()
    }
    genders = {value: (value,) for value in ontology.attribute("target-gender").labels}
    return (
        _space("category", counts["category"], CATEGORY_MIN_ROWS, paths),
        _space("target-gender", counts["target-gender"], 1, genders),
        _space("color", counts["color"], COLOUR_MIN_ROWS, shades),
    )


def _space(handle: str, counts: Counter[str], min_rows: int, paths: Mapping[str, tuple[str, ...]]) -> LabelSpace:
    labels = tuple(word for word in paths if counts[word] >= min_rows)
    columns = {label: (column,) for column, label in enumerate(labels)}
    below = {
        node: tuple(column for column, label in enumerate(labels) if node in paths[label])
        for node in {node for path in paths.values() for node in path}
    }
    admissible = {
        word: columns.get(word) or next((below[node] for node in reversed(path) if below[node]), ())
        for word, path in paths.items()
    }
    # A node above every answer says nothing.
    return LabelSpace(handle, labels, {word: right for word, right in admissible.items() if len(right) < len(labels)})
