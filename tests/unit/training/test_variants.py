# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from triton_models.training.variants import Variant, varied

LEFT, RIGHT = (200, 30, 30), (30, 30, 200)


def halves() -> bytes:
    picture = Image.new("RGB", (60, 80), LEFT)
    picture.paste(RIGHT, (30, 0, 60, 80))
    body = io.BytesIO()
    picture.save(body, "PNG")
    return body.getvalue()


@pytest.mark.parametrize(
    ("variant", "size", "left_share"),
    [
        (Variant.WHOLE, (60, 80), 1 / 2),
        (Variant.UPPER_LEFT, (51, 68), 30 / 51),
        (Variant.LOWER_RIGHT, (51, 68), 21 / 51),
    ],
)
def test_a_variant_is_a_jpeg_of_its_part(variant: Variant, size: tuple[int, int], left_share: float) -> None:
    with Image.open(io.BytesIO(varied(halves(), variant))) as picture:
        assert (picture.format, picture.size) == ("JPEG", size)
        reds = np.asarray(picture)[size[1] // 2, :, 0] > 115
    assert reds.mean() == pytest.approx(left_share, abs=0.03)


def test_what_cannot_be_decoded_stays_as_it_is() -> None:
    assert varied(b"no photo", Variant.WHOLE) == b"no photo"
    assert varied(b"", Variant.UPPER_LEFT) == b""
