# SPDX-License-Identifier: Apache-2.0
"""One tiny bundle and its repository for all tests here, and products made for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from consumer.bundle import Bundle, load_bundle
from tests.support.bundles import write_tiny_bundle
from triton_models.export.repository import build_repository

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Served:
    folder: Path
    repository: Path
    bundle: Bundle


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    root = tmp_path_factory.mktemp("tiny")
    folder = write_tiny_bundle(root / "bundle")
    build_repository(folder, root / "repository", precision="f32")
    return Served(folder, root / "repository", load_bundle(folder))
