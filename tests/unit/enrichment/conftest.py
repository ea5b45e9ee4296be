# SPDX-License-Identifier: Apache-2.0
"""The shipped ontology, a manifest that answers in its labels, and thresholds to decide by."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest

from consumer.bundle import TaskThresholds, Thresholds
from consumer.enrichment.lexicon import Lexicon
from consumer.enrichment.ontology import Ontology
from tests.support.manifests import small_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.bundle import Head, Manifest

CATEGORY_LABELS = ("aa-1-13-8", "aa-1-13-7", "aa-1-12-4", "aa-8-10", "x-lipstick")
COLOR_LABELS = ("1", "13", "x-shade-maroon", "x-shade-burgundy", "15", "2")
GENDER_LABELS = ("18", "19", "20")


@pytest.fixture(scope="session")
def ontology() -> Ontology:
    return Ontology.load("v1")


@pytest.fixture(scope="session")
def lexicon() -> Lexicon:
    return Lexicon.load("v1")


@pytest.fixture(scope="session")
def crosswalks() -> Mapping[str, Any]:
    folder = resources.files("triton_models") / "ontology" / "crosswalks"
    return {
        name: json.loads((folder / f"{name}.json").read_text()) for name in ("fpi", "clothing", "space_a", "space_b")
    }


@pytest.fixture(scope="session")
def manifest() -> Manifest:
    return small_manifest({"category": CATEGORY_LABELS, "color": COLOR_LABELS, "target-gender": GENDER_LABELS})


@pytest.fixture(scope="session")
def thresholds() -> Thresholds:
    head = TaskThresholds(0.7, 0.4)
    heads: Mapping[Head, TaskThresholds] = {"fused": head, "image": head, "text": head}
    return Thresholds("t1", dict.fromkeys(("category", "color", "target-gender"), heads))
