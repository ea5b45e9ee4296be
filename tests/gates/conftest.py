# SPDX-License-Identifier: Apache-2.0
"""What the shipped bundle says of itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from consumer.bundle import starter_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    Quoted = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def figures() -> dict[str, Any]:
    """`metrics.json`."""
    tree: dict[str, Any] = json.loads((starter_folder() / "metrics.json").read_text(encoding="utf-8"))
    return tree


@pytest.fixture(scope="session")
def quoted(figures: dict[str, Any]) -> Quoted:
    """The evaluation of one label space, kind of input and data set, the catalogue if none is named."""

    def of(space: str, inputs: str, dataset: str = "fashion-product-images") -> dict[str, Any]:
        (found,) = (
            entry
            for entry in figures["evaluations"]
            if (entry["dataset"], entry["space"], entry["inputs"]) == (dataset, space, inputs)
        )
        return dict(found)

    return of
