# SPDX-License-Identifier: Apache-2.0
"""A small manifest and vocabulary, complete but for the graphs."""

from __future__ import annotations

import string
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from consumer.bundle import (
    SPECIAL_PIECES,
    TEXT_FORMAT,
    Canary,
    CanaryRecipe,
    Manifest,
    Task,
    TaskThresholds,
    Thresholds,
    client_hash,
    write_manifest,
    write_thresholds,
)

if TYPE_CHECKING:
    from pathlib import Path

HEADS = ("fused", "image", "text")


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
    return Manifest(
        bundle=3,
        contract=1,
        ontology="v1",
        lexicon="v1",
        side=8,
        pixels="pixels/v1",
        max_images=5,
        text_length=16,
        text_format=TEXT_FORMAT,
        client_hash="0" * 64,
        embedding_dim=4,
        tasks=(
            Task("category", "softmax", ("aa-1-4", "aa-8-6"), "probability"),
            Task("color", "softmax", ("2", "x-shade-maroon"), "probability"),
        ),
        view_types=(),
        canary=Canary(
            CanaryRecipe(images=2, input_ids=(2, 7, 3)), {"f32": {"product_tagger": {"color": (0.25, 0.75)}}}
        ),
        files=(),
        licences=(),
    )


@pytest.fixture
def thresholds() -> Thresholds:
    picked = TaskThresholds(accept=0.8, suggest=0.3, per_value={"2": 0.7})
    return Thresholds("t1", {handle: dict.fromkeys(HEADS, picked) for handle in ("category", "color")})


@pytest.fixture
def bundle_folder(tmp_path: Path, manifest: Manifest, vocabulary: tuple[str, ...], thresholds: Thresholds) -> Path:
    write_manifest(tmp_path / "manifest.json", replace(manifest, client_hash=client_hash(manifest, vocabulary)))
    (tmp_path / "vocabulary.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    write_thresholds(tmp_path / "thresholds.json", thresholds)
    return tmp_path
