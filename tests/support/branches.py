# SPDX-License-Identifier: Apache-2.0
"""One product for each way in which an opinion becomes tags, and the whole event that it gives.

The events lie in `tests/unit/enrichment/branches/`. After a change that is meant, write them anew and read the diff:
`.venv/bin/python -m tests.support.branches`
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from consumer.attributes import ImageStatus
from consumer.bundle import TaskThresholds, Thresholds, read_text
from consumer.enrichment.lexicon import Lexicon
from consumer.enrichment.ontology import Ontology
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
    UsableImage,
)
from consumer.registry.printed import printed_attributes
from consumer.stages.enrich import Enrich
from tests.support.manifests import small_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parents[1] / "unit" / "enrichment" / "branches"
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
PHOTO = "https://shop.example/1.jpg"

SHIRT, TSHIRT, JEANS, SNEAKER, HEEL = "aa-1-13-7", "aa-1-13-8", "aa-1-12-4", "aa-8-8", "aa-8-10"
BLACK, BLUE, NAVY, RED, MAROON = "1", "2", "15", "13", "x-shade-maroon"
FEMALE, MALE = "18", "19"
LONG, SHORT = "17094", "169"

LABELS = {
    "category": (SHIRT, TSHIRT, JEANS, SNEAKER, HEEL),
    "color": (BLACK, BLUE, NAVY, RED, MAROON),
    "target-gender": (FEMALE, MALE),
    "sleeve-length-type": (LONG, SHORT),
}
#: Sure of each answer, where a product does not say otherwise.
SURE = {
    "category": {SHIRT: 0.94, TSHIRT: 0.04},
    "color": {NAVY: 0.9, BLACK: 0.06},
    "target-gender": {MALE: 0.95},
    "sleeve-length-type": {LONG: 0.9},
}


@dataclass(frozen=True)
class Branch:
    """One product and what the model thinks of it: by handle, the probabilities of some labels."""

    product: Mapping[str, Any]
    opinions: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    has_text: bool = True
    is_image_lost: bool = False


NAVY_SHIRT = {
    "title": "Navy blue men's shirt, long sleeves, soft cotton",
    "image_urls": (PHOTO,),
    "vendor_category": "Men > Shirts",
    "vendor_attributes": {"Colour": "Navy", "Gender": "Men"},
}

BRANCHES = {
    "everything-agrees": Branch(NAVY_SHIRT),
    "without-title": Branch({**NAVY_SHIRT, "title": ""}),
    "without-images": Branch({**NAVY_SHIRT, "image_urls": ()}),
    "without-vendor-attributes": Branch({**NAVY_SHIRT, "vendor_attributes": {}}),
    "image-lost": Branch(NAVY_SHIRT, is_image_lost=True),
    "safe-only-higher-up": Branch(
        {"title": "Classic No. 7 with a V-neck", "image_urls": (PHOTO,)},
        {"category": {SHIRT: 0.5, TSHIRT: 0.45, HEEL: 0.03}},
    ),
    "category-suggested": Branch(
        {"title": "Classic No. 7", "image_urls": (PHOTO,)}, {"category": {SHIRT: 0.45, SNEAKER: 0.41, JEANS: 0.1}}
    ),
    "category-left-open": Branch(
        {"title": "Classic No. 7, V-neck", "image_urls": (PHOTO,)},
        {"category": {SHIRT: 0.36, SNEAKER: 0.34, JEANS: 0.3}},
    ),
    "not-applicable": Branch(
        {
            "title": "Navy suede sneakers, white soles",
            "image_urls": (PHOTO,),
            "vendor_attributes": {"neckline": "V-neck"},
        },
        {"category": {SNEAKER: 0.96}},
    ),
    "colour-without-agreement": Branch(
        {"title": "Classic No. 7", "image_urls": (PHOTO,)}, {"color": {BLUE: 0.9, NAVY: 0.1}}, has_text=False
    ),
    "title-names-another-colour": Branch({"title": "Black shirt", "image_urls": (PHOTO,)}),
    "several-colours": Branch(
        {"title": "Maroon and navy shirt", "image_urls": (PHOTO,)}, {"color": {MAROON: 0.5, RED: 0.05, NAVY: 0.4}}
    ),
    "colour-in-conflict": Branch({**NAVY_SHIRT, "title": "Men's shirt", "vendor_attributes": {"color": "Maroon"}}),
    "category-in-conflict": Branch({**NAVY_SHIRT, "vendor_category": "Footwear > Heels"}),
    "words-alone": Branch(
        {
            "title": "Slim fit high-waisted jeans, not black, sleevless",
            "description": "Soft cotton with a touch of elastane. A slim wallet fits the pocket.",
            "image_urls": (PHOTO,),
            "vendor_attributes": {"fit": "skinny", "season": "Summer"},
        },
        {"category": {JEANS: 0.97}},
    ),
    "beyond-the-head": Branch({"title": "Navy shirt with cap sleeves", "image_urls": (PHOTO,)}),
    "nothing-but-the-vendor": Branch(
        {"vendor_category": "Dresses", "vendor_attributes": {"colour": "Toasted Walnut", "gender": "Ladies"}},
        has_text=False,
    ),
    "nothing-at-all": Branch({}, has_text=False),
    "hostile-text": Branch(
        {
            "title": "{{7*7}} \u202edlog\u202c <script>alert('red')</script> ${navy} '; DROP TABLE shirts;--",
            "image_urls": (PHOTO,),
            "vendor_attributes": {"colour": "{color}", "gender": "%s%n", "neckline": "\u200b"},
        }
    ),
}


def published(branch: Branch) -> Any:
    """The event as it is printed, through its bytes."""
    enriched = asyncio.run(_enrich()(_inferred(branch)))
    return printed_attributes(enriched.attributes)


def written(event: Any) -> str:
    """The event as JSON with a line for each attribute."""
    blocks = []
    for name, value in event.items():
        if isinstance(value, list) and value:
            lines = ",\n".join(f"    {json.dumps(item, ensure_ascii=False)}" for item in value)
            blocks.append(f'  "{name}": [\n{lines}\n  ]')
        else:
            blocks.append(f'  "{name}": {json.dumps(value, ensure_ascii=False)}')
    return "{\n" + ",\n".join(blocks) + "\n}\n"


@cache
def _enrich() -> Enrich:
    return Enrich(Ontology.load("v1"), Lexicon.load("v1"), small_manifest(LABELS), _thresholds(), precision="f32")


def _inferred(branch: Branch) -> InferredProduct:
    event = ProductEvent("e1", EventType.UPSERT, "acme", "sku-1", 7, WHEN, **branch.product)
    images = tuple(
        LostImage(url, ImageStatus.FETCH_FAILED, FetchReason.STATUS_4XX)
        if branch.is_image_lost
        else UsableImage(url, "aa" * 32, np.zeros((2, 8, 8, 3), np.uint8))
        for url in event.image_urls
    )
    fetched = FetchedProduct(DecodedProduct(Delivery("product-events", 0, 1, b"acme:sku-1", b"", (), 0), event), images)
    has_image = bool(images) and not branch.is_image_lost
    has_text = branch.has_text and bool(event.title)
    text = read_text(event, ("en",)).product
    if not has_image and not has_text:
        return InferredProduct(fetched, None, text)
    opinions = {}
    for handle, labels in LABELS.items():
        used = _spread(labels, branch.opinions.get(handle, SURE[handle]))
        opinions[handle] = Opinion(used, image=used if has_image else None, text=used if has_text else None)
    contributions = (1.0,) if has_image else ()
    return InferredProduct(
        fetched, Prediction(opinions, (1.0, 0.0, 0.0, 0.0), contributions, (), {"tagger": "3"}), text
    )


def _spread(labels: tuple[str, ...], named: Mapping[str, float]) -> tuple[float, ...]:
    rest = (1 - sum(named.values())) / max(1, len(labels) - len(named))
    return tuple(named.get(label, rest) for label in labels)


def _thresholds() -> Thresholds:
    head = TaskThresholds(0.8, 0.4, {NAVY: 0.35})
    return Thresholds("t1", {handle: {"fused": head, "image": head, "text": head} for handle in LABELS})


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, branch in BRANCHES.items():
        (FOLDER / f"{name}.json").write_text(written(published(branch)), encoding="utf-8")
