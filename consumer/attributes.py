# SPDX-License-Identifier: Apache-2.0
"""What we publish: the records of `schemas/product-attributes-value` and `schemas/product-embeddings-value`.

Field for field the Avro records, so that encoding is a plain walk. Ids are strings, scores are floats in 0..1,
stable codes are strings. Later fields keep their defaults until a part fills them.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Status(StrEnum):
    """How far a value may be trusted."""

    UNKNOWN = "UNKNOWN"
    ACCEPTED = "ACCEPTED"
    SUGGESTED = "SUGGESTED"
    ABSTAINED = "ABSTAINED"
    NOT_APPLICABLE = "NOT_APPLICABLE"
    CONFLICT = "CONFLICT"


class EventStatus(StrEnum):
    """Whether everything that the vendor gave could be used."""

    UNKNOWN = "UNKNOWN"
    ENRICHED = "ENRICHED"
    DEGRADED = "DEGRADED"


class ImageStatus(StrEnum):
    """What became of one image URL."""

    UNKNOWN = "UNKNOWN"
    OK = "OK"
    FETCH_FAILED = "FETCH_FAILED"
    DECODE_FAILED = "DECODE_FAILED"
    TOO_SMALL = "TOO_SMALL"


class Role(StrEnum):
    """Rank of a value among several; PRIMARY for single-valued attributes, UNKNOWN in alternatives."""

    UNKNOWN = "UNKNOWN"
    PRIMARY = "PRIMARY"
    SECONDARY = "SECONDARY"


class ViewType(StrEnum):
    """What a photo shows."""

    UNKNOWN = "UNKNOWN"
    WHITE_BACKGROUND = "WHITE_BACKGROUND"
    ON_MODEL = "ON_MODEL"
    DETAIL = "DETAIL"


@dataclass(frozen=True, slots=True)
class Source:
    """The input record."""

    vendor_id: str
    sku: str
    product_version: int
    topic: str
    partition: int
    offset: int
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Value:
    """One value; for `color` the family stands in `id` and its most likely shade beside it."""

    id: str
    label: str
    confidence: float
    role: Role = Role.UNKNOWN
    shade_id: str | None = None
    shade_label: str | None = None
    shade_confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Probability of the first value, else of the first alternative, by each source alone."""

    image: float | None = None
    text: float | None = None
    vendor: float | None = None


@dataclass(frozen=True, slots=True)
class Category:
    """`path` runs from the root to the most likely leaf; `id` is the deepest level that clears its threshold."""

    id: str | None = None
    path: tuple[str, ...] = ()
    breadcrumb: str | None = None
    google_id: str | None = None
    confidences: tuple[float, ...] = ()
    status: Status = Status.ABSTAINED
    threshold: float | None = None
    alternatives: tuple[Value, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    vendor_raw: str | None = None
    normalised_from: str | None = None


@dataclass(frozen=True, slots=True)
class Attribute:
    """One ontology attribute, not applicable ones included. At most three alternatives."""

    handle: str
    attribute_id: str
    values: tuple[Value, ...] = ()
    status: Status = Status.ABSTAINED
    threshold: float | None = None
    alternatives: tuple[Value, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    vendor_raw: str | None = None
    normalised_from: str | None = None


@dataclass(frozen=True, slots=True)
class LabelIssue:
    """A vendor's value that the model doubts."""

    attribute: str
    vendor_value: str
    predicted_id: str
    label_quality: float
    rule: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A product that looks alike."""

    key: str
    hamming: int | None
    cosine: float | None
    relation: str


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The group of products that this one repeats."""

    cluster_id: str | None = None
    neighbours: tuple[Neighbour, ...] = ()


@dataclass(frozen=True, slots=True)
class VariantGroup:
    """Products that differ in the named attributes only."""

    id: str
    differing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A perceptual hash; comparable only within one algorithm and version."""

    hash: str
    algorithm: str
    version: str


@dataclass(frozen=True, slots=True)
class Image:
    """The fate of one image URL, as the vendor sent it."""

    url: str
    status: ImageStatus
    content_hash: str | None = None
    fingerprint: Fingerprint | None = None
    reason: str | None = None
    view_type: ViewType = ViewType.UNKNOWN
    contribution: float = 0.0


@dataclass(frozen=True, slots=True)
class Text:
    """What was found out about the vendor's text."""

    language: str | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Description:
    """A sentence made of accepted values only."""

    text: str
    template: str


@dataclass(frozen=True, slots=True)
class Quality:
    """What the opinion rests on."""

    modalities: tuple[str, ...] = ()
    ood: float | None = None
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """Whether a person should look."""

    needed: bool = False
    reasons: tuple[str, ...] = ()
    priority: float = 0.0


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made this record."""

    bundle: int
    ontology: str
    thresholds: str
    lexicon: str
    preprocessing: str
    precision: str
    model_versions: Mapping[str, str] = field(default_factory=dict)
    reused: bool = False
    timings_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProductAttributes:
    """The enriched event."""

    event_id: str
    source: Source
    status: EventStatus
    category: Category
    attributes: tuple[Attribute, ...]
    images: tuple[Image, ...]
    text: Text
    quality: Quality
    review: Review
    provenance: Provenance
    label_issues: tuple[LabelIssue, ...] = ()
    duplicates: Duplicates = field(default_factory=Duplicates)
    variant_group: VariantGroup | None = None
    description: Description | None = None


@dataclass(frozen=True, slots=True)
class ProductEmbedding:
    """The product vector: `dim` little-endian float16 numbers, L2-normalised. Never mix bundles."""

    event_id: str
    source: Source
    bundle: int
    dim: int
    vector: bytes
    modalities: tuple[str, ...]
    dtype: str = "float16-le"


#: Names of outputs live here, so that a repeated run gives the same ids.
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "org.hangtag")


def output_event_id(key: str, input_event_id: str, *, bundle: int, thresholds: str) -> str:
    """The `event_id` of what we publish for one input event: the same whenever the same bundle judges it again."""
    return str(uuid.uuid5(NAMESPACE, f"{key}/{input_event_id}/{bundle}/{thresholds}"))
