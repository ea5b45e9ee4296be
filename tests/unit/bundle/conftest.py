# SPDX-License-Identifier: Apache-2.0
"""A small manifest and vocabulary, complete but for the graphs."""

from __future__ import annotations

import string
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from consumer.bundle import (
    SPECIAL_PIECES,
    Canary,
    CanaryRecipe,
    TaskThresholds,
    Thresholds,
    client_hash,
    write_manifest,
    write_thresholds,
)
from tests.support.manifests import reseal, small_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.bundle import Head, Manifest

HEADS: tuple[Head, ...] = ("fused", "image", "text")


@pytest.fixture
def vocabulary() -> tuple[str, ...]:
    letters = tuple(string.ascii_lowercase + string.digits + string.punctuation)
    return (
        *SPECIAL_PIECES,
        *letters,
        *(f"##{piece}" for piece in letters),
        "navy",
        "blue",
        "shirt",
        "##shirt",
        "brand",
    )


@pytest.fixture
def manifest() -> Manifest:
    recipe = CanaryRecipe(images=2, input_ids=(2, 7, 3))
    canary = Canary(recipe, {"f32": {"product_tagger": {"color": (0.25, 0.75)}}})
    return replace(small_manifest({"category": ("aa-1-4", "aa-8-6"), "color": ("2", "x-shade-maroon")}), canary=canary)


@pytest.fixture
def thresholds() -> Thresholds:
    picked = TaskThresholds(accept=0.8, suggest=0.3, per_value={"2": 0.7})
    return Thresholds("t1", {handle: dict.fromkeys(HEADS, picked) for handle in ("category", "color")})


@pytest.fixture
def bundle_folder(tmp_path: Path, manifest: Manifest, vocabulary: tuple[str, ...], thresholds: Thresholds) -> Path:
    write_manifest(tmp_path / "manifest.json", replace(manifest, client_hash=client_hash(manifest, vocabulary)))
    (tmp_path / "vocabulary.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    write_thresholds(tmp_path / "thresholds.json", thresholds)
    reseal(tmp_path)
    return tmp_path
