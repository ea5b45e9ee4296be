# SPDX-License-Identifier: Apache-2.0
"""The bundle that ships with the package."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from consumer.bundle import load_bundle, starter_folder
from consumer.cli.models import app
from consumer.enrichment.ontology import Ontology
from triton_models.training.labels import load_crosswalk

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_STARTER_BYTES = 25_000_000
#: Photo and title, space B of the test split.
BARS = {"gender": 0.99, "article": 0.975, "colour": 0.92}
#: The same of what is accepted: Wilson's lower bound of precision, and coverage (colour's has no bar).
ACCEPTED_BARS = {"category": (0.90, 0.60), "target-gender": (0.90, 0.80), "color": (0.90, 0.0)}


def test_the_starter_is_sound() -> None:
    result = CliRunner().invoke(app, ["verify", "--output", "json"])

    assert (result.exit_code, json.loads(result.output)["faults"]) == (0, [])


def test_the_starter_is_small() -> None:
    assert sum(path.stat().st_size for path in starter_folder().iterdir()) <= MAX_STARTER_BYTES


def test_every_answer_is_a_word_of_the_ontology() -> None:
    manifest = load_bundle().manifest
    ontology = Ontology.load(manifest.ontology)
    labels = {task.handle: task.labels for task in manifest.tasks}

    assert all(ontology.path(label) for label in labels["category"])
    assert all(ontology.attribute("color").family_of(label) for label in labels["color"])
    assert set(labels["target-gender"]) == {"18", "19", "20"}
    assert set(labels["age-group"]) == {"2403", "1515"}
    for handle in ("x-season", "x-usage", "sleeve-length-type"):
        assert set(labels[handle]) <= ontology.attribute(handle).labels.keys()
    assert labels.keys() == {
        *("category", "target-gender", "age-group", "color", "x-season", "x-usage", "sleeve-length-type")
    }


def test_answers_are_leaves_none_is_above_another() -> None:
    manifest = load_bundle().manifest
    ontology = Ontology.load(manifest.ontology)
    categories = next(task.labels for task in manifest.tasks if task.handle == "category")

    for label in categories:
        assert not set(ontology.path(label)[:-1]) & set(categories)


def test_frequent_words_of_the_data_set_are_answers() -> None:
    crosswalk = load_crosswalk("fashion-product-images")
    labels = {task.handle: task.labels for task in load_bundle().manifest.tasks}

    for kind in ("Tshirts", "Shirts", "Casual Shoes", "Watches", "Sports Shoes", "Kurtas", "Handbags", "Heels"):
        assert crosswalk.columns["articleType"][kind]["category"] in labels["category"]
    for colour in ("Black", "White", "Navy Blue", "Maroon", "Silver"):
        assert crosswalk.columns["baseColour"][colour]["color"] in labels["color"]


@pytest.fixture(scope="module")
def evaluation() -> Callable[[str, str], dict[str, Any]]:
    """The catalogue's test split by label space and input."""
    metrics = json.loads((starter_folder() / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["split"] == "test"

    def of(space: str, inputs: str) -> dict[str, Any]:
        wanted = ("fashion-product-images", space, inputs)
        (found,) = (
            entry for entry in metrics["evaluations"] if (entry["dataset"], entry["space"], entry["inputs"]) == wanted
        )
        assert found["n_seen_in_training"] == 0
        return dict(found)

    return of


@pytest.mark.parametrize("task", BARS)
def test_the_shipped_figures_are_not_below_the_bars(
    task: str, evaluation: Callable[[str, str], dict[str, Any]]
) -> None:
    assert evaluation("B", "all")["tasks"][task]["accuracy"] >= BARS[task]


@pytest.mark.parametrize("handle", ACCEPTED_BARS)
def test_what_the_starter_accepts_is_right_and_not_little(
    handle: str, evaluation: Callable[[str, str], dict[str, Any]]
) -> None:
    precision, coverage = ACCEPTED_BARS[handle]
    accepted = evaluation("B", "all")["accepted"][handle]

    assert accepted["wilson_low"] >= precision
    assert accepted["coverage"] >= coverage


@pytest.mark.parametrize("space", ["A", "B", "ours"])
def test_a_title_without_its_words_does_not_harm_what_the_photo_says(
    space: str, evaluation: Callable[[str, str], dict[str, Any]]
) -> None:
    photo, bare = (
        {task: figure["accuracy"] for task, figure in evaluation(space, inputs)["tasks"].items()}
        for inputs in ("photos-only", "bare-titles")
    )

    assert {task: bare[task] - photo[task] >= -0.01 for task in photo} == dict.fromkeys(photo, True)


def test_words_of_everyday_titles_are_known_to_the_tokeniser() -> None:
    tokeniser = load_bundle().tokeniser

    for text in ("navy blue polo t-shirt for men", "women's floral summer dress, size M", "Zwölf 501 €"):
        assert "[UNK]" not in tokeniser.pieces(text.replace("€", ""))
