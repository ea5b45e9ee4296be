# SPDX-License-Identifier: Apache-2.0
"""One record of each kind with every field filled, and the smallest one; the golden encodings are theirs."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from consumer.attributes import (
    Attribute,
    Category,
    Description,
    Duplicates,
    EventStatus,
    Evidence,
    Fingerprint,
    Image,
    ImageStatus,
    LabelIssue,
    Neighbour,
    ProductAttributes,
    ProductEmbedding,
    Provenance,
    Quality,
    Review,
    Role,
    Source,
    Status,
    Text,
    Value,
    VariantGroup,
    ViewType,
)
from consumer.events import EventType, Price, ProductEvent

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

FULL_EVENT = ProductEvent(
    event_id="7f1c",
    event_type=EventType.UPSERT,
    vendor_id="acme",
    sku="42:blue",
    product_version=1767323045678901,
    occurred_at=MOMENT,
    title="Hemd, größer",
    description="Ein Hemd.",
    brand="Acme",
    vendor_category="Men > Shirts",
    vendor_attributes={"color": "maroon", "gender": "men"},
    image_urls=("https://example.org/1.jpg", "https://example.org/2.jpg"),
    language="de",
    item_group_id="42",
    price=Price(Decimal("-1234567890.12"), "EUR"),
    product_url="https://example.org/42",
    feed="autumn",
)
SMALL_EVENT = ProductEvent("", EventType.DELETE, "a", "1", 0, datetime(1970, 1, 1, tzinfo=UTC))

SOURCE = Source("acme", "42:blue", 1767323045678901, "product-events", 3, 1 << 40, MOMENT)
MAROON = Value("13", "Red", 0.75, Role.PRIMARY, "x-shade-maroon", "Maroon", 0.5)
FULL_ATTRIBUTES = ProductAttributes(
    event_id="e5b1",
    source=SOURCE,
    status=EventStatus.DEGRADED,
    category=Category(
        id="aa-1",
        path=("aa", "aa-1", "aa-1-13"),
        breadcrumb="Apparel > Clothing",
        google_id="1604",
        confidences=(1.0, 0.9375, 0.5),
        status=Status.ACCEPTED,
        threshold=0.875,
        alternatives=(Value("aa-1-4", "Dresses", 0.25),),
        evidence=Evidence(0.5, 0.25, 1.0),
        vendor_raw="Men > Shirts",
        normalised_from="shirts",
    ),
    attributes=(
        Attribute("color", "1", (MAROON,), Status.SUGGESTED, 0.5, (), Evidence(image=0.5), "maroon", "maroon"),
        Attribute("x-season", "x-season", status=Status.NOT_APPLICABLE),
    ),
    images=(
        Image(
            "https://example.org/1.jpg",
            ImageStatus.OK,
            "ab" * 32,
            Fingerprint("f0", "phash", "1"),
            None,
            ViewType.ON_MODEL,
            1.0,
        ),
        Image("https://example.org/2.jpg", ImageStatus.FETCH_FAILED, reason="status_4xx"),
    ),
    text=Text("de", ("html",)),
    quality=Quality(("image", "text"), 0.125, ("image_urls_truncated:494",)),
    review=Review(needed=True, reasons=("conflict",), priority=0.5),
    provenance=Provenance(
        1, "v1", "t1", "l1", "pixels/v1", "f32", {"fusion": "1"}, reused=True, timings_s={"fetch": 0.5}
    ),
    label_issues=(LabelIssue("color", "green", "13", 0.125, "threshold"),),
    duplicates=Duplicates("c1", (Neighbour("acme:43", 3, 0.5, "near"),)),
    variant_group=VariantGroup("g1", ("color",)),
    description=Description("A maroon shirt.", "short/v1"),
)
SMALL_ATTRIBUTES = ProductAttributes(
    event_id="e",
    source=SOURCE,
    status=EventStatus.ENRICHED,
    category=Category(),
    attributes=(),
    images=(),
    text=Text(),
    quality=Quality(),
    review=Review(),
    provenance=Provenance(1, "v1", "t1", "l1", "pixels/v1", "bf16"),
)

EMBEDDING = ProductEmbedding("e5b1", SOURCE, 1, 4, bytes.fromhex("003c000000000000"), ("image",))
