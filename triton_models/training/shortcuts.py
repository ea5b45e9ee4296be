# SPDX-License-Identifier: Apache-2.0
"""Whether a model answers by what is not the product: parts of photos are hidden, and it is asked again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from consumer.events import FetchReason
from consumer.images.decoding import decode
from consumer.images.pixels import detail_window
from consumer.images.sniff import ImageHeader, read_header
from consumer.triton.prediction import probabilities
from consumer.triton.tensors import Ensemble
from triton_models.export.runtimes import OnnxRuntime, run_ensemble
from triton_models.training.compare import pair
from triton_models.training.datasets import PhotoArchive
from triton_models.training.evaluate import Answers
from triton_models.training.scoring import asked_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from numpy.typing import NDArray

    from consumer.bundle import Bundle, Head
    from triton_models.training.compare import Paired
    from triton_models.training.datasets import LabelledProduct
    from triton_models.training.spaces import Space

_GREY, _WHITE = 128, 255
#: Shares of the picture's height or width.
_BORDER, _UPPER = 0.15, 0.2
_HALF = 0.5
#: Side of a middle that has the area of the upper fifth.
_MIDDLE = _UPPER**0.5
#: EXIF orientations from here on are stored on their side.
_ON_ITS_SIDE = 5
_ONE = np.ones(1, np.uint8)


class Hidden(StrEnum):
    """What of a picture is painted over."""

    NOTHING = "nothing"
    BORDER = "the outer 15 %, grey"
    WHITE_BORDER = "the outer 15 %, white"
    """As the background of a catalogue is: it looks as if there was nothing."""
    UPPER = "the upper fifth, grey"
    """Faces, where somebody wears the product."""
    MIDDLE = "a fifth in the middle, grey"
    """Where the product is: it must hurt."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a view's pixels lie in the picture, from 0 to 1; outside of it is the margin."""

    across: NDArray[np.float64]
    """`[side]`, by column."""
    down: NDArray[np.float64]
    """`[side]`, by row."""


def frames(width: int, height: int, side: int) -> tuple[Frame, Frame]:
    """Of the whole and of the detail of a picture of that size."""
    positions = (np.arange(side) + 0.5) / side
    longest = max(width, height)
    whole = [0.5 + (positions - 0.5) * longest / length for length in (width, height)]
    window = detail_window(width, height, side)
    detail = [0.5 + (positions - 0.5) * window / length for length in (width, height)]
    return Frame(*whole), Frame(*detail)


def hide(views: NDArray[np.uint8], size: tuple[int, int], hidden: Hidden) -> NDArray[np.uint8]:
    """A copy of both views `[2, side, side, 3]` of a picture of that width and height, the same part of it hidden."""
    painted = views.copy()
    level = _WHITE if hidden is Hidden.WHITE_BORDER else _GREY
    for view, frame in zip(painted, frames(*size, views.shape[1]), strict=True):
        view[_is_hidden(hidden, frame)] = level
    return painted


def _is_hidden(hidden: Hidden, frame: Frame) -> NDArray[np.bool_]:
    across, down = frame.across[None, :], frame.down[:, None]
    from_middle: NDArray[np.float64] = np.maximum(abs(across - _HALF), abs(down - _HALF))
    inside = from_middle <= _HALF
    match hidden:
        case Hidden.NOTHING:
            return np.zeros_like(inside)
        case Hidden.BORDER | Hidden.WHITE_BORDER:
            return np.asarray(inside & (from_middle > _HALF - _BORDER))
        case Hidden.UPPER:
            return np.asarray(inside & (down < _UPPER))
        case Hidden.MIDDLE:
            return np.asarray(from_middle < _MIDDLE / 2)


def ask(
    bundle: Bundle, products: Sequence[LabelledProduct], hidden: Hidden, progress: Callable[[int, int], None]
) -> Answers:
    """What the bundle says by each product's photo, part of it hidden, and no title; products without one say nothing.

    Raises Refused when a photo cannot be read.
    """
    run = OnnxRuntime(bundle.folder)
    said: dict[str, list[NDArray[np.float32]]] = {task.handle: [] for task in bundle.manifest.tasks}
    rows = []
    with PhotoArchive() as archive:
        for row, product in enumerate(products):
            views = _views(archive.read(product.photo), bundle.manifest.side, hidden) if product.photo else None
            if views is not None:
                rows.append(row)
                tensors = run_ensemble(run, Ensemble.IMAGE, {"images": views[None], "image_mask": _ONE})
                for task in bundle.manifest.tasks:
                    said[task.handle].append(probabilities(task, np.asarray(tensors[task.handle], dtype=np.float32)))
            progress(row + 1, len(products))
    shares = {handle: np.concatenate(parts) for handle, parts in said.items() if parts}
    heads: tuple[Head, ...] = tuple("image" for _ in rows)
    return Answers(tuple(rows), heads, shares, undecodable=())


def _views(body: bytes, side: int, hidden: Hidden) -> NDArray[np.uint8] | None:
    """None of a photo that cannot be decoded."""
    header, views = read_header(body), decode(body, side)
    if not isinstance(header, ImageHeader) or isinstance(views, FetchReason):
        return None
    size = (header.width, header.height)
    return hide(views, size if header.orientation < _ON_ITS_SIDE else size[::-1], hidden)


def against_whole(
    bundle: Bundle, space: Space, products: Sequence[LabelledProduct], whole: Answers, hidden: Answers
) -> dict[str, Paired]:
    """By task, pictures as they are (A) and with a part hidden (B); both are answers about all of `products`.

    Products without a right value in the space do not count, and tasks without one have no entry.
    """
    before, after = (
        {asked.question.task: asked.is_right.tolist() for asked in asked_of(bundle, space, products, answers)}
        for answers in (whole, hidden)
    )
    return {task: pair(right, after[task]) for task, right in before.items()}


def among(answers: Answers, rows: Collection[int]) -> Answers:
    """The answers about these products alone."""
    kept = [position for position, row in enumerate(answers.rows) if row in rows]
    return Answers(
        tuple(answers.rows[position] for position in kept),
        tuple(answers.heads[position] for position in kept),
        {handle: shares[kept] for handle, shares in answers.probabilities.items()},
        answers.undecodable,
    )
