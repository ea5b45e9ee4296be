# SPDX-License-Identifier: Apache-2.0
"""A manifest without files: enough for code that reads labels, and a start for others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.bundle import TEXT_FORMAT, Canary, CanaryRecipe, Manifest, Task

if TYPE_CHECKING:
    from collections.abc import Mapping


def small_manifest(labels: Mapping[str, tuple[str, ...]]) -> Manifest:
    """It answers in these labels, by handle."""
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
        client_hash="ab" * 32,
        embedding_dim=4,
        tasks=tuple(Task(handle, "softmax", names, "probability") for handle, names in labels.items()),
        view_types=(),
        canary=Canary(CanaryRecipe(1, (1,)), {}),
        files=(),
        licences=(),
    )
