# SPDX-License-Identifier: Apache-2.0
"""What travels through the pipeline, in the order of the stages. All values are frozen; a stage returns a new one.

Delivery -> DecodedProduct -> FetchedProduct -> InferredProduct -> EnrichedProduct -> Outcome

What the engine itself makes for every event is a `Struct`: a frozen dataclass of seven fields takes ten times as long
to make (`docs/decisions/0014-cpu-per-event.md`). It refers to nothing that could refer back: no collector looks at it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

    import numpy as np
    from numpy.typing import NDArray

    from consumer.attributes import ImageStatus, ProductAttributes, ProductEmbedding
    from consumer.errors import DeadLetterReason

VENDOR_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What a whole vendor id may be."""

Headers = tuple[tuple[str, bytes | None], ...]
"""Record headers in order; a name may occur more than once, and Kafka allows a header without a value."""


class Delivery(Struct, frozen=True, gc=False):
    """One input record, as it lay in the topic. Bytes are untouched."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int
    """Record timestamp, milliseconds since the epoch; -1 when the record has none."""


class EventType(StrEnum):
    """What happened to the product."""

    UNKNOWN = "UNKNOWN"
    UPSERT = "UPSERT"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class Price:
    """An amount with at most 12 digits, two of them after the point, and an ISO 4217 currency."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class ProductEvent:
    """A vendor's full snapshot of one product (`schemas/product-events-value`)."""

    event_id: str
    event_type: EventType
    vendor_id: str
    sku: str
    product_version: int
    occurred_at: datetime
    title: str = ""
    description: str | None = None
    brand: str | None = None
    vendor_category: str | None = None
    vendor_attributes: Mapping[str, str] = field(default_factory=dict)
    image_urls: tuple[str, ...] = ()
    language: str | None = None
    item_group_id: str | None = None
    price: Price | None = None
    product_url: str | None = None
    feed: str | None = None

    @property
    def key(self) -> str:
        """The record key: `vendor_id:sku`."""
        return f"{self.vendor_id}:{self.sku}"


class FetchReason(StrEnum):
    """Why an image is lost: the metric label, the event field and the log field are this one word."""

    SCHEME = "scheme"
    PORT = "port"
    USERINFO = "userinfo"
    INVALID_URL = "invalid_url"
    HOST_NOT_ALLOWED = "host_not_allowed"
    BLOCKED_ADDRESS = "blocked_address"
    REDIRECT_LIMIT = "redirect_limit"
    REDIRECT_DOWNGRADE = "redirect_downgrade"
    DNS = "dns"
    TIMEOUT_CONNECT = "timeout_connect"
    TIMEOUT_READ = "timeout_read"
    TIMEOUT_TOTAL = "timeout_total"
    CONNECT = "connect"
    INCOMPLETE = "incomplete"
    STATUS_4XX = "status_4xx"
    STATUS_5XX = "status_5xx"
    STATUS_OTHER = "status_other"
    RATE_LIMITED = "rate_limited"
    CIRCUIT_OPEN = "circuit_open"
    NEGATIVE_CACHED = "negative_cached"
    CONTENT_TYPE = "content_type"
    ENCODING = "encoding"
    TOO_LARGE = "too_large"
    PARTIAL = "partial"
    UNSUPPORTED_FORMAT = "unsupported_format"
    TOO_MANY_PIXELS = "too_many_pixels"
    TRUNCATED = "truncated"
    UNDECODABLE = "undecodable"
    TOO_SMALL = "too_small"

    @property
    def is_refusal(self) -> bool:
        """Whether our own policy said no; anything else is the host's doing or the picture's."""
        return self in _REFUSALS


_REFUSALS = frozenset(
    {
        FetchReason.SCHEME,
        FetchReason.PORT,
        FetchReason.USERINFO,
        FetchReason.INVALID_URL,
        FetchReason.HOST_NOT_ALLOWED,
        FetchReason.BLOCKED_ADDRESS,
        FetchReason.REDIRECT_DOWNGRADE,
    }
)


@dataclass(frozen=True, slots=True)
class UsableImage:
    """An image that was fetched and decoded."""

    url: str
    content_hash: str
    """SHA-256 of the body, lower-case hex."""
    views: NDArray[np.uint8]
    """uint8 [2, side, side, 3], RGB: the whole picture, then the detail."""


@dataclass(frozen=True, slots=True)
class LostImage:
    """An image that was tried and cannot be used. A lost image is not a lost event."""

    url: str
    status: ImageStatus
    reason: FetchReason
    """As the vendor may hear it."""
    content_hash: str | None = None
    """Set when a body was received."""


ProductImage = UsableImage | LostImage


@dataclass(frozen=True, slots=True)
class DecodedProduct:
    """A delivery whose value could be read."""

    delivery: Delivery
    event: ProductEvent


@dataclass(frozen=True, slots=True)
class FetchedProduct:
    """A product with the fate of each image that was tried, in the order of its URLs."""

    decoded: DecodedProduct
    images: tuple[ProductImage, ...]
    urls_dropped: int = 0
    """URLs beyond the limit of images tried per product."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """Probabilities of one task, in the label order of the manifest; each sums to 1 for softmax tasks.

    `used` is the fused answer where both modalities are present, else the answer of the one that is.
    """

    used: tuple[float, ...]
    image: tuple[float, ...] | None = None
    text: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the served bundle thinks of one product."""

    opinions: Mapping[str, Opinion]
    """By ontology handle."""
    embedding: tuple[float, ...]
    """L2-normalised."""
    contributions: tuple[float, ...]
    """Per image given to the model, in order; empty without images."""
    view_types: tuple[tuple[float, ...], ...]
    """Per image given to the model, probabilities in the manifest's `view_types` order; empty without that head."""
    model_versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ProductText:
    """A product's words, repaired and without what the vendor writes under every product."""

    title: str = ""
    description: str = ""
    flags: tuple[str, ...] = ()
    """Repairs that were needed, and whether the model was shown the text."""
    language: str | None = None
    """BCP 47: the vendor's word where it is a valid tag, else what the text is written in; None when unsure."""


@dataclass(frozen=True, slots=True)
class InferredProduct:
    """A product with the model's opinion; `prediction` is None where there was neither text nor a usable image."""

    fetched: FetchedProduct
    prediction: Prediction | None
    text: ProductText = ProductText()


@dataclass(frozen=True, slots=True)
class EnrichedProduct:
    """What will be published for one UPSERT."""

    decoded: DecodedProduct
    attributes: ProductAttributes
    embedding: ProductEmbedding | None


class OutputRecord(Struct, frozen=True, gc=False):
    """Encoded bytes for one topic. The owner thread adds the partition: that of the input record."""

    topic: str
    key: bytes | None
    value: bytes | None
    """None is a tombstone."""
    headers: Headers
    timestamp_ms: int | None = None
    """Set where the record's own time must be kept (dead letters)."""


class Finished(Struct, frozen=True, gc=False):
    """The delivery is done; these records are its result."""

    records: tuple[OutputRecord, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """The delivery can never work; its original bytes go to the dead letters."""

    reason: DeadLetterReason
    message: str
    stage: str
    event_id: str | None
    attempts: int
    first_at: datetime
    last_at: datetime
    error_class: str = "consumer.errors.Unprocessable"
    """Full name of the exception's class."""
    stacktrace: str = ""
    """As Python prints it; clipped where it is written."""


Outcome = Finished | Rejected
