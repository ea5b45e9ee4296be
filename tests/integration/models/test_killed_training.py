# SPDX-License-Identifier: Apache-2.0
"""A training run that is killed outright, and the one that takes it up."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.wait import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from triton_models.training.recipe import Sources

pytestmark = [pytest.mark.train, pytest.mark.slow, pytest.mark.full, pytest.mark.timeout(600)]

LIMIT_S = 300.0
#: Of the drawn data set: rows that could not be used.
PARTLY_DONE = 3


def command(out: Path, sources: Sources, recipe: Path, cache: Path) -> list[str]:
    options = {"data": sources.data[0], "recipe": recipe, "text-model": sources.text_model, "cache": cache, "out": out}
    return [
        sys.executable,
        "-m",
        "consumer",
        "models",
        "train",
        *(f"--{key}={value}" for key, value in options.items()),
    ]


@pytest.mark.gate(10)
def test_a_run_that_was_killed_and_goes_on_ends_with_the_same_bundle(
    drawn_sources: Sources, drawn_recipe_file: Path, tmp_path: Path
) -> None:
    whole, killed = (tmp_path / name for name in ("whole", "killed"))
    uninterrupted = command(whole / "bundle", drawn_sources, drawn_recipe_file, whole)
    interrupted = command(killed / "bundle", drawn_sources, drawn_recipe_file, killed)

    assert subprocess.run(uninterrupted, check=False, capture_output=True).returncode == PARTLY_DONE
    with subprocess.Popen(interrupted, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
        try:
            wait_until(lambda: list((killed / "runs").glob("image-*.pt")), LIMIT_S, "the end of the first stage")
        finally:
            first.kill()
    assert not (killed / "bundle").exists() or not list((killed / "bundle").iterdir())
    left = sorted(file.name for file in (killed / "runs").glob("*.pt"))
    assert subprocess.run(interrupted, check=False, capture_output=True).returncode == PARTLY_DONE

    # What is there was not learnt again.
    assert set(left) < {file.name for file in (killed / "runs").glob("*.pt")}
    for file in sorted(path.name for path in (whole / "bundle").glob("*.onnx")):
        assert (whole / "bundle" / file).read_bytes() == (killed / "bundle" / file).read_bytes(), file
    figures = [json.loads((folder / "bundle" / "metrics.json").read_text()) for folder in (whole, killed)]
    assert figures[0] == figures[1]
