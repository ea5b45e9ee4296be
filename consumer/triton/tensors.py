# SPDX-License-Identifier: Apache-2.0
"""The tensor contract: what the three ensembles take and give, letter by letter, for one bundle.

Builder, contract check and client all read it here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.bundle import Manifest

#: Version of this contract; a bundle names the one that it was exported for.
CONTRACT = 1

#: Most images of one product that a request may carry: the `max_batch_size` of `image_encoder`.
MAX_IMAGES = 8

#: A dimension that is the product's number of images.
PER_IMAGE = -1


class Ensemble(StrEnum):
    """The ensembles by name; which one is called depends on what the product has."""

    FUSED = "product_tagger"
    IMAGE = "product_tagger_image"
    TEXT = "product_tagger_text"

    @property
    def takes_images(self) -> bool:
        """Whether it needs at least one usable image."""
        return self is not Ensemble.TEXT

    @property
    def takes_text(self) -> bool:
        """Whether it needs text."""
        return self is not Ensemble.IMAGE


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor on the wire: Triton's word for its type, and its shape with `PER_IMAGE` for the image count."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    def shape_for(self, images: int) -> tuple[int, ...]:
        """The shape in a request with so many images."""
        return tuple(images if size == PER_IMAGE else size for size in self.shape)


@dataclass(frozen=True, slots=True)
class Signature:
    """Inputs and outputs of one ensemble. Order means nothing: tensors are found by name."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


def signature(manifest: Manifest, ensemble: Ensemble) -> Signature:
    """What this ensemble takes and gives when it serves this bundle."""
    return Signature(tuple(_inputs(manifest, ensemble)), tuple(_outputs(manifest, ensemble)))


def _inputs(manifest: Manifest, ensemble: Ensemble) -> Iterator[Tensor]:
    if ensemble.takes_images:
        yield Tensor("images", "UINT8", (PER_IMAGE, 2, manifest.side, manifest.side, 3))
        yield Tensor("image_mask", "UINT8", (PER_IMAGE,))
    if ensemble.takes_text:
        yield Tensor("input_ids", "INT64", (1, manifest.text_length))
        yield Tensor("attention_mask", "INT64", (1, manifest.text_length))


def _outputs(manifest: Manifest, ensemble: Ensemble) -> Iterator[Tensor]:
    heads = ("", ".image", ".text") if ensemble is Ensemble.FUSED else ("",)
    for task in manifest.tasks:
        for head in heads:
            yield Tensor(task.handle + head, "FP32", (1, len(task.labels)))
    yield Tensor("embedding", "FP32", (1, manifest.embedding_dim))
    if ensemble.takes_images:
        # A bundle without the head answers one column of zeros: a tensor must have a column.
        yield Tensor("view_type", "FP32", (PER_IMAGE, max(1, len(manifest.view_types))))
        yield Tensor("contribution", "FP32", (PER_IMAGE,))
