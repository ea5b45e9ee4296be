# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from consumer.attributes import EventStatus, ImageStatus, Status, ViewType, output_event_id
from consumer.bundle import Task, read_text
from consumer.enrichment.lexicon import Lexicon
from consumer.errors import IncompatibleModels
from consumer.events import (
    DecodedProduct,
    Delivery,
    EventType,
    FetchedProduct,
    FetchReason,
    InferredProduct,
    LostImage,
    Opinion,
    Prediction,
    ProductEvent,
    ProductImage,
    UsableImage,
)
from consumer.stages.enrich import Enrich

if TYPE_CHECKING:
    from consumer.attributes import Attribute, ProductAttributes
    from consumer.bundle import Manifest, Thresholds
    from consumer.enrichment.ontology import Ontology
    from consumer.events import EnrichedProduct

LEXICON = Lexicon.load("v1")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DELIVERY = Delivery("product-events", 3, 42, b"acme:sku-1", b"...", (), 1_700_000_000_000)
SHIRT, RED, MALE = (0.8, 0.1, 0.05, 0.03, 0.02), (0.1, 0.3, 0.5, 0.05, 0.03, 0.02), (0.1, 0.85, 0.05)


def usable(url: str) -> UsableImage:
    return UsableImage(url, "aa" * 32, np.zeros((2, 8, 8, 3), dtype=np.uint8))


def lost(url: str) -> LostImage:
    return LostImage(url, ImageStatus.FETCH_FAILED, FetchReason.STATUS_4XX)


def inferred(
    *images: ProductImage, has_text: bool = True, text_flags: tuple[str, ...] = (), dropped: int = 0, **product: Any
) -> InferredProduct:
    """A product with these images, and what a model that takes two of them says."""
    product.setdefault("image_urls", tuple(image.url for image in images))
    event = ProductEvent("e1", EventType.UPSERT, "acme", "sku-1", 7, NOW, **product)
    fetched = FetchedProduct(DecodedProduct(DELIVERY, event), images, urls_dropped=dropped)
    seen = [image for image in images if isinstance(image, UsableImage)][:2]
    text = replace(read_text(event, ("en",)).product, flags=text_flags)
    if not seen and not has_text:
        return InferredProduct(fetched, None, text)

    def opinion(used: tuple[float, ...]) -> Opinion:
        return Opinion(used, image=used if seen else None, text=used if has_text else None)

    return InferredProduct(
        fetched,
        Prediction(
            opinions={"category": opinion(SHIRT), "color": opinion(RED), "target-gender": opinion(MALE)},
            embedding=(0.5, -0.5, 0.5, 0.5),
            contributions=tuple(1 / len(seen) for _ in seen),
            view_types=tuple((0.1, 0.7, 0.2) for _ in seen),
            model_versions={"product_fused": "3"},
        ),
        text,
    )


@dataclass(frozen=True)
class Enriching:
    enrich: Enrich

    def __call__(self, product: InferredProduct) -> EnrichedProduct:
        return asyncio.run(self.enrich(product))

    def attributes(self, product: InferredProduct) -> ProductAttributes:
        return self(product).attributes


@pytest.fixture
def enriched(ontology: Ontology, manifest: Manifest, thresholds: Thresholds) -> Enriching:
    return Enriching(Enrich(ontology, LEXICON, manifest, thresholds, precision="f32"))


def attribute(record: ProductAttributes, handle: str) -> Attribute:
    (found,) = (entry for entry in record.attributes if entry.handle == handle)
    return found


def test_a_product_with_all_it_needs_is_enriched(enriched: Enriching, ontology: Ontology) -> None:
    record = enriched.attributes(inferred(usable("https://a/1.jpg"), title="Red T-shirt", language="en"))

    assert record.status is EventStatus.ENRICHED
    assert record.category.id == "aa-1-13-8"
    assert [(entry.handle, entry.attribute_id) for entry in record.attributes] == [
        (kind.handle, kind.id) for kind in ontology.attributes
    ]
    assert attribute(record, "color").values[0].shade_label == "Maroon"
    assert attribute(record, "target-gender").values[0].label == "Male"
    assert record.category.status is Status.ACCEPTED
    accepted = {entry.handle for entry in record.attributes if entry.status is Status.ACCEPTED}
    assert accepted == {"color", "target-gender"}
    assert record.quality.modalities == ("image", "text")
    assert record.text.language == "en"
    assert not record.review.needed


def test_the_record_says_where_it_comes_from_and_what_made_it(enriched: Enriching) -> None:
    record = enriched.attributes(inferred(usable("https://a/1.jpg")))

    assert (record.source.vendor_id, record.source.sku, record.source.product_version) == ("acme", "sku-1", 7)
    assert (record.source.topic, record.source.partition, record.source.offset) == ("product-events", 3, 42)
    assert record.source.occurred_at == NOW
    assert (record.provenance.bundle, record.provenance.ontology, record.provenance.thresholds) == (3, "v1", "t1")
    assert (record.provenance.preprocessing, record.provenance.precision) == ("ab" * 32, "f32")
    assert record.provenance.model_versions == {"product_fused": "3"}


def test_the_same_event_under_the_same_bundle_has_the_same_id(enriched: Enriching) -> None:
    one, other = enriched(inferred(usable("https://a/1.jpg"))), enriched(inferred())

    expected = output_event_id("acme:sku-1", "e1", bundle=3, thresholds="t1")
    assert one.attributes.event_id == other.attributes.event_id == expected
    assert expected != output_event_id("acme:sku-1", "e1", bundle=4, thresholds="t1")


def test_images_keep_their_order_and_their_fate(enriched: Enriching) -> None:
    urls = [f"https://a/{number}.jpg" for number in range(4)]
    record = enriched.attributes(inferred(usable(urls[0]), lost(urls[1]), usable(urls[2]), usable(urls[3])))

    assert [image.url for image in record.images] == urls
    assert [image.status for image in record.images] == ["OK", "FETCH_FAILED", "OK", "OK"]
    assert [image.reason for image in record.images] == [None, "status_4xx", None, None]
    assert [image.contribution for image in record.images] == [0.5, 0.0, 0.5, 0.0]
    assert {image.view_type for image in record.images} == {ViewType.UNKNOWN}
    assert record.status is EventStatus.DEGRADED


def test_a_bundle_with_view_types_names_them(ontology: Ontology, manifest: Manifest, thresholds: Thresholds) -> None:
    knowing = replace(manifest, view_types=("white_background", "on_model", "detail"))
    enriched = Enriching(Enrich(ontology, LEXICON, knowing, thresholds, precision="f32"))

    (image,) = enriched.attributes(inferred(usable("https://a/1.jpg"))).images

    assert image.view_type is ViewType.ON_MODEL


def test_a_picture_that_is_none_of_the_kinds_is_unknown(
    ontology: Ontology, manifest: Manifest, thresholds: Thresholds
) -> None:
    knowing = replace(manifest, view_types=("white_background", "unknown", "detail"))
    enriched = Enriching(Enrich(ontology, LEXICON, knowing, thresholds, precision="f32"))

    (image,) = enriched.attributes(inferred(usable("https://a/1.jpg"))).images

    assert image.view_type is ViewType.UNKNOWN


@pytest.mark.parametrize(
    ("product", "status"),
    [
        (inferred(), EventStatus.ENRICHED),
        (inferred(usable("https://a/1.jpg"), has_text=False), EventStatus.ENRICHED),
        (inferred(lost("https://a/1.jpg")), EventStatus.DEGRADED),
        (inferred(usable("https://a/1.jpg"), lost("https://a/2.jpg")), EventStatus.DEGRADED),
        (inferred(image_urls=("https://a/1.jpg",)), EventStatus.DEGRADED),
    ],
)
def test_only_a_lost_image_degrades(enriched: Enriching, product: InferredProduct, status: EventStatus) -> None:
    assert enriched.attributes(product).status is status


def test_urls_beyond_the_limit_are_counted_and_do_not_degrade(enriched: Enriching) -> None:
    record = enriched.attributes(inferred(usable("https://a/1.jpg"), dropped=494))

    assert record.quality.checks == ("image_urls_truncated:494",)
    assert record.status is EventStatus.ENRICHED


def test_without_evidence_everything_abstains_and_a_person_should_look(enriched: Enriching) -> None:
    product = enriched(inferred(lost("https://a/1.jpg"), has_text=False, text_flags=("truncated",)))

    record = product.attributes
    assert product.embedding is None
    assert {record.category.status, *(entry.status for entry in record.attributes)} == {Status.ABSTAINED}
    assert (record.category.id, record.category.path, record.category.confidences) == (None, (), ())
    assert (record.review.needed, record.review.reasons) == (True, ("no_evidence",))
    assert record.quality.modalities == ()
    assert record.text.flags == ("truncated",)


def test_without_evidence_the_vendors_words_are_suggested(enriched: Enriching) -> None:
    record = enriched.attributes(
        inferred(has_text=False, vendor_category="Jeans", vendor_attributes={"color": "Maroon", "gender": "folks"})
    )

    assert (record.category.id, record.category.status) == ("aa-1-12-4", Status.SUGGESTED)
    assert len(record.category.confidences) == len(record.category.path)
    color = attribute(record, "color")
    assert (color.values[0].id, color.values[0].shade_id, color.values[0].confidence) == ("13", "x-shade-maroon", 0.0)
    assert (color.status, color.evidence.vendor) == (Status.SUGGESTED, 1.0)
    gender = attribute(record, "target-gender")
    assert (gender.status, gender.vendor_raw, gender.evidence.vendor) == (Status.ABSTAINED, "folks", None)


def test_evidence_names_only_the_modalities_that_are_there(enriched: Enriching) -> None:
    by_text = enriched.attributes(inferred(title="Red T-shirt")).category.evidence
    by_image = enriched.attributes(inferred(usable("https://a/1.jpg"), has_text=False)).category.evidence

    assert by_text.text == pytest.approx(0.8)
    assert (by_text.image, by_text.vendor) == (None, None)
    assert by_image.image == pytest.approx(0.8)
    assert (by_image.text, by_image.vendor) == (None, None)


def test_the_embedding_is_little_endian_half_floats(enriched: Enriching) -> None:
    embedding = enriched(inferred(usable("https://a/1.jpg"))).embedding

    assert embedding is not None
    assert (embedding.dim, embedding.dtype, embedding.bundle) == (4, "float16-le", 3)
    assert np.frombuffer(embedding.vector, dtype="<f2").tolist() == [0.5, -0.5, 0.5, 0.5]
    assert embedding.modalities == ("image", "text")


def test_an_attribute_without_a_head_abstains(ontology: Ontology, manifest: Manifest, thresholds: Thresholds) -> None:
    smaller = replace(manifest, tasks=tuple(task for task in manifest.tasks if task.handle != "color"))
    enriched = Enriching(Enrich(ontology, LEXICON, smaller, thresholds, precision="f32"))

    color = attribute(enriched.attributes(inferred(usable("https://a/1.jpg"))), "color")

    assert (color.status, color.values, color.alternatives) == (Status.ABSTAINED, (), ())


@pytest.mark.parametrize(
    "task",
    [
        Task("color", "softmax", ("1", "x-shade-octarine"), "probability"),
        Task("sparkle", "softmax", ("1",), "probability"),
    ],
)
def test_a_bundle_that_speaks_of_unknown_things_is_refused(
    ontology: Ontology, manifest: Manifest, thresholds: Thresholds, task: Task
) -> None:
    with pytest.raises(IncompatibleModels, match="ontology v1 lacks"):
        Enrich(ontology, LEXICON, replace(manifest, tasks=(task,)), thresholds, precision="f32")


def test_enriching_twice_gives_equal_records(enriched: Enriching) -> None:
    product = inferred(usable("https://a/1.jpg"), lost("https://a/2.jpg"), vendor_attributes={"color": "blue"})

    one, other = enriched.attributes(product), enriched.attributes(product)

    assert one == other
    assert all(getattr(one, field.name) is not None for field in fields(one) if field.name not in LATER)


#: Fields that stay empty until a part fills them.
LATER = {"variant_group", "description"}
