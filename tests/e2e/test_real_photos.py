# SPDX-License-Identifier: Apache-2.0
"""A vendor's table of real products through the whole system says what the offline evaluation says of the same rows."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from consumer.bundle import load_bundle
from consumer.enrichment.ontology import Ontology
from tests.support.consumer import run_consumer, settings_between
from tests.support.flow import Ends

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.support.images import ImageHost
    from tests.support.kafka import Kafka
    from tests.support.triton import Triton
    from triton_models.training.datasets import LabelledProduct

PRODUCTS = 300
AGREEING = 297
PUBLISHED_LIMIT_S = 300
#: Tasks whose attribute every category has, so that every event answers them.
TASKS = ("category", "target-gender", "age-group", "color", "x-season", "x-usage")
MAPPING = """
[fields]
sku = "Article no."
title = "Name"
image_urls = "Pictures"

[constants]
vendor_id = "fpi"
"""

pytestmark = [
    *(pytest.mark.data, pytest.mark.kafka, pytest.mark.triton, pytest.mark.train),
    *(pytest.mark.slow, pytest.mark.timeout(600)),
]


def products_of_the_test_split(folder: Path) -> list[LabelledProduct]:
    from triton_models.training.corpus import hash_photos
    from triton_models.training.datasets import read_folder
    from triton_models.training.split import Split, split_products

    products = read_folder(folder).products
    rows = split_products(products, hash_photos(products))[Split.TEST]
    usable = [products[row] for row in rows if products[row].photo and products[row].title]
    return usable[:: len(usable) // PRODUCTS][:PRODUCTS]


def write_feed(folder: Path, products: Sequence[LabelledProduct], image_host: ImageHost) -> None:
    """`feed.csv` with column names of a vendor's own, and the mapping for them."""
    from triton_models.training.datasets import PhotoArchive

    (folder / "mapping.toml").write_text(MAPPING)
    with PhotoArchive() as archive, (folder / "feed.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, delimiter=";")
        table.writerow(("Article no.", "Name", "Pictures", "Price"))
        for product in products:
            assert product.photo
            url = image_host.add(f"{product.id}.jpg", archive.read(product.photo))
            table.writerow((product.id, product.title, url, "12.50"))


def offline_answers(products: Sequence[LabelledProduct], cache: Path) -> dict[str, dict[str, str]]:
    """By key, what the evaluator scores of these rows."""
    from triton_models.training.calibrate import published_answers
    from triton_models.training.evaluate import Evaluator
    from triton_models.training.progress import Silent
    from triton_models.training.shown import Inputs

    bundle = load_bundle()
    ontology = Ontology.load(bundle.manifest.ontology)
    answers = Evaluator(bundle, cache, Silent()).answer(products, Inputs.ALL)
    found: dict[str, dict[str, str]] = {f"fpi:{products[row].id}": {} for row in answers.rows}
    for task in bundle.manifest.tasks:
        values, _ = published_answers(ontology, task.handle, task.labels, answers.probabilities[task.handle])
        for key, value in zip(found, values, strict=True):
            found[key][task.handle] = value
    return found


def served_answers(record: dict[str, Any]) -> dict[str, str]:
    """The first value of each task, or the first alternative where the system abstained."""
    answers = {"category": record["category"]["path"][-1]}
    for attribute in record["attributes"]:
        ranked = [*attribute["values"], *attribute["alternatives"]]
        if ranked:
            answers[attribute["handle"]] = ranked[0]["id"]
    return answers


@pytest.mark.usefixtures("_train_extra")
def test_three_hundred_real_products_of_a_table_are_tagged_as_the_evaluator_scores_them(
    tmp_path: Path, kafka: Kafka, starter_triton: Triton, image_host: ImageHost, data_folder: Path
) -> None:
    products = products_of_the_test_split(data_folder / "fashion-product-images")
    write_feed(tmp_path, products, image_host)
    ends = Ends(kafka.bootstrap_servers, kafka.create_topics())
    settings = settings_between(ends, starter_triton) | {
        "HANGTAG_IMAGES__ALLOW_PRIVATE": json.dumps([image_host.allow_private])
    }
    push = ("feed", "push", tmp_path / "feed.csv", "--format", "csv", "--mapping", tmp_path / "mapping.toml")

    subprocess.run([sys.executable, "-m", "consumer", *push], env=settings, check=True)
    with run_consumer(tmp_path, settings) as consumer:
        ends.wait_for_outcomes(PRODUCTS, consumer, PUBLISHED_LIMIT_S)
        assert consumer.stop() == 0

    records = {key: record for key, record in ends.attributes().items() if record}
    degraded = sorted(key for key, record in records.items() if record["status"] == "DEGRADED")
    print(f"without their photo, which answers otherwise: {degraded}")
    served = {key: served_answers(record) for key, record in records.items()}
    offline = offline_answers(products, tmp_path / "features")
    assert set(served) == set(offline)
    assert len(served) == PRODUCTS
    for task in TASKS:
        if any(task in answers for answers in offline.values()):
            differing = {
                key: (served[key].get(task), offline[key][task])
                for key in offline
                if served[key].get(task) != offline[key][task]
            }
            print(f"{task}: {PRODUCTS - len(differing)} of {PRODUCTS} agree; served and offline: {differing}")
            assert PRODUCTS - len(differing) >= AGREEING, task
