# SPDX-License-Identifier: Apache-2.0
"""Several pictures made of one, as a vendor might send them: no free set of products has several photos each."""

from __future__ import annotations

import io
from enum import StrEnum

from PIL import Image

#: Share of either side that a crop keeps.
_KEPT = 0.85
_QUALITY = 70


class Variant(StrEnum):
    """What is done to the picture before it is encoded again."""

    WHOLE = "whole"
    UPPER_LEFT = "upper left"
    LOWER_RIGHT = "lower right"


def varied(body: bytes, variant: Variant) -> bytes:
    """A JPEG of what is left of the picture; what cannot be decoded stays as it is, for others to judge."""
    try:
        with Image.open(io.BytesIO(body)) as picture:
            width, height = picture.size
            right, down = round(width * (1 - _KEPT)), round(height * (1 - _KEPT))
            boxes = {
                Variant.WHOLE: (0, 0, width, height),
                Variant.UPPER_LEFT: (0, 0, width - right, height - down),
                Variant.LOWER_RIGHT: (right, down, width, height),
            }
            out = io.BytesIO()
            picture.convert("RGB").crop(boxes[variant]).save(out, "JPEG", quality=_QUALITY)
    except (OSError, ValueError):
        return body
    return out.getvalue()
