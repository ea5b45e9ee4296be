# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from consumer.bundle import load_bundle
from consumer.errors import Refused
from tests.support.bundles import write_tiny_bundle
from triton_models.training.openings import Log, openings_file, read_openings

if TYPE_CHECKING:
    from pathlib import Path


def test_looks_are_kept_beside_the_bundle_and_never_rewritten(tmp_path: Path) -> None:
    file = openings_file(load_bundle(write_tiny_bundle(tmp_path / "tiny")), tmp_path / "user")

    Log(file, "2026-11-01T10:00:00+00:00").record(1, "fashion-product-images", "first")
    before = file.read_bytes()
    Log(file, "2026-11-02T10:00:00+00:00").record(1, "clothing-dataset", "second")

    assert file == tmp_path / "tiny" / "test_openings.jsonl"
    assert file.read_bytes().startswith(before)
    assert [(look.at[:10], look.purpose) for look in read_openings(file)] == [
        ("2026-11-01", "first"),
        ("2026-11-02", "second"),
    ]


def test_the_bundle_of_the_package_is_never_written_to(tmp_path: Path) -> None:
    shipped = load_bundle()
    file = openings_file(shipped, tmp_path)

    assert file == tmp_path / f"bundle-{shipped.manifest.bundle}-test_openings.jsonl"
    # The same by another way to its folder.
    winding = replace(shipped, folder=shipped.folder / ".." / shipped.folder.name)
    assert openings_file(winding, tmp_path) == file


def test_without_a_log_the_split_stays_closed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(Refused, match="every look at the test split is logged"):
        Log(tmp_path / "file" / "test_openings.jsonl", "now").record(1, "fashion-product-images", "a look")


def test_no_file_is_no_look(tmp_path: Path) -> None:
    assert read_openings(tmp_path / "test_openings.jsonl") == ()
