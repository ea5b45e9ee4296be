# SPDX-License-Identifier: Apache-2.0
"""The surest mistakes with their photos: a page for one's own eyes, as photos of a data set belong to others."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from consumer.errors import OptionInvalid, Refused
from consumer.events import FetchReason
from consumer.images.decoding import decode
from triton_models.training.datasets import PhotoArchive
from triton_models.training.page import Page, Picture, Section, as_html
from triton_models.training.scoring import asked_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from consumer.bundle import Bundle
    from triton_models.training.datasets import LabelledProduct
    from triton_models.training.evaluate import Answers
    from triton_models.training.spaces import Space

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


def surest_mistakes(
    bundle: Bundle, space: Space, products: Sequence[LabelledProduct], answers: Answers
) -> dict[str, tuple[Mistake, ...]]:
    """By task, wrong answers of the greatest confidence, the surest first."""
    found = {}
    for asked in asked_of(bundle, space, products, answers):
        answer, confidence = asked.probabilities.argmax(1), asked.probabilities.max(1)
        wrong = np.flatnonzero(~asked.is_right)
        surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:_SHOWN]
        values = asked.question.values
        found[asked.question.task] = tuple(
            Mistake(
                products[answers.rows[asked.positions[row]]],
                values[asked.truth[row]],
                values[answer[row]],
                float(confidence[row]),
            )
            for row in surest
        )
    return found


def write_gallery(path: Path, title: str, mistakes: Mapping[str, Sequence[Mistake]]) -> None:
    """One HTML file, photos inside. Raises OptionInvalid for another ending, Refused when it cannot be written."""
    if path.suffix != ".html":
        raise OptionInvalid(f"{path}: a gallery ends in .html")
    with PhotoArchive() as archive:
        sections = tuple(
            Section(f"Task {task}", tuple(_picture(archive, mistake) for mistake in found))
            for task, found in mistakes.items()
        )
    lead = f"At most {_SHOWN} of a task. Photos belong to whoever gave the data: do not publish this page."
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_html(Page(title, lead, sections)), encoding="utf-8")
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}") from error


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
