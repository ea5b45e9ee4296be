# SPDX-License-Identifier: Apache-2.0
"""A manifest without files: enough for code that reads labels, and a start for others; and the hashes of files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from consumer.bundle import (
    TEXT_FORMAT,
    BundleFile,
    Canary,
    CanaryRecipe,
    Manifest,
    Task,
    read_manifest,
    sha256_of,
    write_manifest,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


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


def files_of(folder: Path) -> tuple[BundleFile, ...]:
    """Every file of a bundle's folder but the manifest, with its hash."""
    return tuple(
        BundleFile(path.name, sha256_of(path)) for path in sorted(folder.iterdir()) if path.name != "manifest.json"
    )


def reseal(folder: Path) -> None:
    """Bring the manifest's hashes up to date after a file was changed on purpose."""
    path = folder / "manifest.json"
    write_manifest(path, replace(read_manifest(path), files=files_of(folder)))
