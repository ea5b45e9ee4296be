# SPDX-License-Identifier: Apache-2.0
"""The bundle that ships with the package."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from consumer.bundle import load_bundle, starter_folder
from consumer.cli.models import app
from consumer.enrichment.ontology import Ontology
from triton_models.training.labels import load_crosswalk

MAX_STARTER_BYTES = 25_000_000


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


def test_words_of_everyday_titles_are_known_to_the_tokeniser() -> None:
    tokeniser = load_bundle().tokeniser

    for text in ("navy blue polo t-shirt for men", "women's floral summer dress, size M", "Zwölf 501 €"):
        assert "[UNK]" not in tokeniser.pieces(text.replace("€", ""))
