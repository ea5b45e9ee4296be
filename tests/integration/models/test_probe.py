# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.bundle import load_bundle
from consumer.errors import OptionInvalid
from tests.support.bundles import write_tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from triton_models.training.examine import Examination, Examiner
    from triton_models.training.recipe import Sources
    from triton_models.training.scoring import Evaluation

pytestmark = [pytest.mark.train, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def examiner(tmp_path_factory: pytest.TempPathFactory) -> Examiner:
    from triton_models.training.examine import Examiner
    from triton_models.training.progress import Silent

    folder = write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")
    return Examiner(load_bundle(folder), tmp_path_factory.mktemp("cache"), Silent())


def asked(catalogue: Path, weights: Path, split: str) -> Examination:
    from triton_models.training.examine import Examination
    from triton_models.training.openings import Log
    from triton_models.training.scoring import Scope
    from triton_models.training.shown import Inputs

    return Examination(catalogue, Scope(split, "ours", Inputs.PHOTOS_ONLY), weights, Log(catalogue / "log", "now"))


@pytest.fixture(scope="module")
def probed(examiner: Examiner, catalogue: Path, drawn_sources: Sources) -> Evaluation:
    return examiner.examine(asked(catalogue, drawn_sources.mobilenet_v2, "validation")).evaluation


def test_classifiers_on_frozen_features_learn_from_the_training_split(probed: Evaluation) -> None:
    for rule in ("nearest centroid (photo)", "linear probe (photo)"):
        found, majority = probed.baselines[rule]["colour"], probed.baselines["majority"]["colour"]
        assert found.n == majority.n > 0
        assert found.accuracy > majority.accuracy


def test_without_a_training_split_there_is_nothing_to_learn_from(
    examiner: Examiner, catalogue: Path, drawn_sources: Sources
) -> None:
    with pytest.raises(OptionInvalid, match="learns from the training split"):
        examiner.examine(asked(catalogue, drawn_sources.mobilenet_v2, "all"))
