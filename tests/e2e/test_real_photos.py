# SPDX-License-Identifier: Apache-2.0
"""Real photos through the whole running system say the same as the bundle's graphs run directly on the same files."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from consumer.bundle import compose_text, load_bundle
from consumer.enrichment.lexicon import Lexicon
from consumer.enrichment.ontology import Ontology
from consumer.events import DecodedProduct, Delivery, FetchedProduct, InferredProduct, UsableImage
from consumer.images.pixels import decode
from consumer.registry.json_form import check_event
from consumer.registry.records import record_fields
from consumer.stages.enrich import Enrich
from consumer.triton.client import Answer
from consumer.triton.prediction import read_prediction
from consumer.triton.tensors import Ensemble
from tests.support.bundles import answer_directly
from tests.support.consumer import run_consumer
from tests.support.flow import Ends

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.images import ImageHost
    from tests.support.kafka import Kafka
    from tests.support.triton import Triton

PRODUCTS = 50
AGREEING = 49
DELIVERY = Delivery("offline", 0, 0, None, None, (), -1)

pytestmark = [pytest.mark.data, pytest.mark.kafka, pytest.mark.triton, pytest.mark.slow, pytest.mark.timeout(300)]


def top_answers(record: dict[str, Any]) -> dict[str, str]:
    """The first value of each task, or the first alternative where the system abstained."""
    answers = {"category": record["category"]["path"][-1]}
    for attribute in record["attributes"]:
        ranked = [*attribute["values"], *attribute["alternatives"]]
        if ranked:
            answers[attribute["handle"]] = ranked[0]["id"]
    return answers


def offline_answers(rows: list[dict[str, Any]], photos: list[bytes]) -> dict[str, dict[str, str]]:
    """The same rows and files, without Kafka, Triton or HTTP."""
    bundle = load_bundle()
    enrich = Enrich(Ontology.load("v1"), Lexicon.load("v1"), bundle.manifest, bundle.thresholds, precision="f32")
    answers = {}
    for row, photo in zip(rows, photos, strict=True):
        event = check_event(row).event
        views = decode(photo, bundle.manifest.side)
        assert isinstance(views, np.ndarray)
        tokens = bundle.tokeniser.encode(compose_text(event).text)
        tensors = {
            "images": views[None],
            "image_mask": np.ones(1, np.uint8),
            "input_ids": tokens.input_ids,
            "attention_mask": tokens.attention_mask,
        }
        answer = Answer("offline", answer_directly(bundle.folder, Ensemble.FUSED, tensors))
        fetched = FetchedProduct(DecodedProduct(DELIVERY, event), (UsableImage("", "", views),))
        inferred = InferredProduct(fetched, read_prediction(bundle.manifest, Ensemble.FUSED, answer))
        record = record_fields(asyncio.run(enrich(inferred)).attributes)
        answers[event.key] = top_answers(record)
    return answers


def test_fifty_real_photos_are_tagged_as_the_graphs_themselves_tag_them(
    tmp_path: Path, kafka: Kafka, starter_triton: Triton, image_host: ImageHost, data_folder: Path
) -> None:
    from triton_models.training.datasets import PhotoArchive, read_folder

    folder = data_folder / "fashion-product-images"
    products = [product for product in read_folder(folder).products if product.photo and product.title]
    products = products[:: len(products) // PRODUCTS][:PRODUCTS]
    with PhotoArchive() as archive:
        photos = [archive.read(product.photo) for product in products if product.photo]
    rows = [
        {
            "event_id": product.id,
            "event_type": "UPSERT",
            "vendor_id": "fpi",
            "sku": product.id,
            "product_version": 1,
            "occurred_at": "2026-11-01T10:00:00Z",
            "title": product.title,
            "image_urls": [image_host.add(f"{product.id}.jpg", photo)],
        }
        for product, photo in zip(products, photos, strict=True)
    ]
    feed = tmp_path / "feed.jsonl"
    feed.write_text("\n".join(json.dumps(row) for row in rows))
    ends = Ends(kafka.bootstrap_servers, kafka.create_topics())
    settings = {f"HANGTAG_TOPICS__{name.upper()}": topic for name, topic in ends.topics.model_dump().items()} | {
        "HANGTAG_KAFKA__BOOTSTRAP_SERVERS": ends.bootstrap_servers,
        "HANGTAG_KAFKA__GROUP_ID": ends.topics.events,
        "HANGTAG_TRITON__GRPC": starter_triton.grpc,
        "HANGTAG_TRITON__READ_KEY": starter_triton.read_key,
        "HANGTAG_IMAGES__ALLOW_PRIVATE": json.dumps([image_host.allow_private]),
    }

    subprocess.run(
        [sys.executable, "-m", "consumer", "feed", "push", feed, "--format", "jsonl"], env=settings, check=True
    )
    with run_consumer(tmp_path, settings) as consumer:
        ends.wait_for_outcomes(PRODUCTS, consumer)
        assert consumer.stop() == 0

    served = {key: top_answers(record) for key, record in ends.attributes().items() if record}
    offline = offline_answers(rows, photos)
    assert set(served) == set(offline)
    assert len(served) == PRODUCTS
    for task in ("category", "target-gender", "color"):
        agreeing = sum(served[key][task] == offline[key][task] for key in offline)
        print(f"{task}: {agreeing} of {PRODUCTS} agree")
        assert agreeing >= AGREEING, task
