# SPDX-License-Identifier: Apache-2.0
"""The surest mistakes with their photos: a page for one's own eyes, as photos of a data set belong to others."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from consumer.events import FetchReason
from consumer.images.decoding import decode
from triton_models.training.datasets import PhotoArchive
from triton_models.training.page import Page, Picture, Section, as_html

if TYPE_CHECKING:
    from collections.abc import Sequence

    from triton_models.training.datasets import LabelledProduct
    from triton_models.training.scoring import Asked

#: Mistakes of a task: a page that is read to its end.
_SHOWN = 40
_SIDE_PX = 160


@dataclass(frozen=True, slots=True)
class Mistake:
    """A product that was answered wrongly."""

    product: LabelledProduct
    truth: str
    answer: str
    confidence: float


def surest_mistakes(asked: Asked) -> list[Mistake]:
    """Wrong answers of the greatest confidence, the surest first."""
    answer, confidence = asked.probabilities.argmax(1), asked.probabilities.max(1)
    wrong = np.flatnonzero(~asked.is_right)
    values = asked.question.values
    return [
        Mistake(asked.products[index], values[asked.truth[index]], values[answer[index]], float(confidence[index]))
        for index in wrong[np.argsort(-confidence[wrong], kind="stable")][:_SHOWN]
    ]


def gallery_text(title: str, tasks: Sequence[Asked]) -> str:
    """One HTML page, photos inside."""
    with PhotoArchive() as archive:
        sections = tuple(
            Section(f"Task {asked.question.task}", tuple(_picture(archive, found) for found in surest_mistakes(asked)))
            for asked in tasks
        )
    lead = f"At most {_SHOWN} of a task. Photos belong to whoever gave the data: do not publish this page."
    return as_html(Page(title, lead, sections))


def _picture(archive: PhotoArchive, mistake: Mistake) -> str | Picture:
    """A product without a photo that can be decoded is a line of words."""
    product = mistake.product
    words = f"{product.id}: {mistake.answer} ({mistake.confidence:.2f}), labelled {mistake.truth}. {product.title}"
    views = decode(archive.read(product.photo), _SIDE_PX) if product.photo else FetchReason.UNDECODABLE
    if isinstance(views, FetchReason):
        return words
    body = io.BytesIO()
    Image.fromarray(views[0]).save(body, "JPEG")
    return Picture(body.getvalue(), words)
