# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps

from consumer.events import FetchReason
from consumer.images.decoding import PixelLimits, decode
from consumer.images.pixels import (
    _centre,
    fast_views,
    scale_for,
    scaled_size,
    slow_views,
    upright,
    views,
)
from consumer.images.sniff import ImageFormat, ImageHeader, read_header
from tests.unit.images.drawn import cmyk_profile, encoded, exif, jpeg, shirt, vertical_line, with_frame_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 224
GOLDEN = Path(__file__).parent / "golden"
ANY_SIZE = PixelLimits(min_side_px=1)


def pixels(body: bytes, limits: PixelLimits = ANY_SIZE) -> NDArray[np.uint8]:
    array = decode(body, SIDE, limits)
    assert isinstance(array, np.ndarray), array
    return array


def by_pillow(body: bytes) -> NDArray[np.uint8]:
    header = read_header(body)
    assert isinstance(header, ImageHeader)
    return slow_views(body, header, SIDE)


@pytest.mark.parametrize(("width", "height"), [(60, 80), (300, 400), (641, 480), (1000, 1333), (1333, 700)])
def test_the_whole_view_is_the_whole_picture_centred_on_white(width: int, height: int) -> None:
    body = jpeg(Image.new("RGB", (width, height), (0, 0, 0)))

    whole = pixels(body)[0]

    dark = np.argwhere(whole.max(axis=2) < 128)
    (top, left), (bottom, right) = dark.min(axis=0), dark.max(axis=0) + 1
    assert max(bottom - top, right - left) == SIDE
    assert (bottom - top) / (right - left) == pytest.approx(height / width, rel=0.01)
    assert abs(top - (SIDE - bottom)) <= 1
    assert abs(left - (SIDE - right)) <= 1
    assert set(np.unique(whole)) == {0, 255}


def test_the_detail_is_the_native_centre() -> None:
    body = jpeg(shirt(1000, 1333))

    detail = pixels(body)[1]

    full = simplejpeg.decode_jpeg(body)
    assert np.array_equal(detail, full[554 : 554 + SIDE, 388 : 388 + SIDE])


@settings(max_examples=60)
@given(
    st.integers(450, 700),
    st.integers(450, 1400),
    st.sampled_from([{}, {"subsampling": "4:4:4"}, {"subsampling": "4:2:2"}, {"restart_marker_rows": 1}]),
    st.sampled_from(["RGB", "L"]),
    st.integers(1, 8),
)
def test_the_detail_is_the_same_when_the_rows_below_it_are_not_decoded(
    width: int, height: int, options: dict[str, object], mode: str, orientation: int
) -> None:
    image = shirt(width, height).convert(mode)
    body = jpeg(image, orientation=orientation, **options)
    header = read_header(body)
    assert isinstance(header, ImageHeader)
    assert header.sequential_frame is not None

    stored = simplejpeg.decode_jpeg(body)
    detail = fast_views(body, header, SIDE)

    assert detail is not None
    assert np.array_equal(detail[1], _centre(upright(stored, orientation), SIDE))


@pytest.mark.parametrize(("width", "height", "window"), [(60, 80, 36), (300, 400, 180), (400, 373, 223)])
def test_a_small_detail_window_is_enlarged(width: int, height: int, window: int) -> None:
    body = jpeg(shirt(width, height))

    detail = pixels(body)[1]

    left, top = (width - window) // 2, (height - window) // 2
    crop = Image.fromarray(simplejpeg.decode_jpeg(body)).crop((left, top, left + window, top + window))
    assert np.array_equal(detail, np.asarray(crop.resize((SIDE, SIDE), Image.Resampling.BICUBIC)))


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 80), (1, 5000), (5000, 1), (2, 3), (32, 4000)])
def test_extreme_shapes_have_views(width: int, height: int) -> None:
    for body in (jpeg(shirt(width, height)), jpeg(shirt(width, height), subsampling="4:4:4", progressive=True)):
        assert pixels(body).shape == (2, SIDE, SIDE, 3)


@given(st.integers(1, 16_384), st.integers(1, 16_384), st.integers(1, 512))
def test_a_scaled_decode_never_has_fewer_pixels_than_the_view(width: int, height: int, side: int) -> None:
    eighths = scale_for(width, height, side)

    scaled = scaled_size(width, height, eighths)
    view = [max(1, round(length * side / max(width, height))) for length in (width, height)]

    if eighths < 8:
        assert all(has >= needs for has, needs in zip(scaled, view, strict=True))
    else:
        assert max(width, height) < 2 * side


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize(("width", "height"), [(61, 80), (451, 600), (501, 667), (899, 1203), (1333, 1000), (999, 333)])
def test_the_fast_and_the_slow_path_agree(width: int, height: int, subsampling: str) -> None:
    body = jpeg(shirt(width, height), subsampling=subsampling)

    difference = np.abs(pixels(body).astype(int) - by_pillow(body).astype(int)).mean(axis=(1, 2, 3))

    assert difference[0] < 2  # measured: at most 0.3
    assert difference[1] < 0.1


@pytest.mark.parametrize(("width", "height"), [(451, 600), (501, 667), (901, 1201), (1333, 1000)])
@pytest.mark.parametrize("place", [0.5, 0.97])
def test_the_whole_view_shifts_nothing(width: int, height: int, place: float) -> None:
    """Mean over the eight phases of a line in a DCT block: below 0.04 px with the float box, up to 0.5 without."""
    scale = int(width * SIDE / max(width, height) + 0.5) / width
    margin = (SIDE - int(width * SIDE / max(width, height) + 0.5)) // 2
    errors = []
    for column in range(int(place * width), int(place * width) + 8):
        darkness = 255 - pixels(jpeg(vertical_line(width, height, column), quality=95))[0].mean(axis=(0, 2))
        centre = (darkness * np.arange(SIDE)).sum() / darkness.sum()
        errors.append(centre - ((column + 0.5) * scale - 0.5 + margin))

    assert abs(np.mean(errors)) < 0.1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright_as_pillow_does(orientation: int) -> None:
    picture = np.asarray(shirt(7, 5))
    stored = Image.open(GOLDEN / "small-60x80.jpg")
    stored.getexif()[0x0112] = orientation

    expected = np.asarray(ImageOps.exif_transpose(stored))

    assert np.array_equal(upright(np.asarray(stored), orientation), expected)
    assert upright(picture, orientation).shape == ((5, 7, 3) if orientation < 5 else (7, 5, 3))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "CMYK", "PNG", "WEBP"])
def test_a_stored_rotation_gives_the_upright_views(name: str, orientation: int) -> None:
    image = shirt(480, 360)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's Transpose that EXIF's reader takes back
    stored = image if orientation == 1 else image.transpose(Image.Transpose(undo[orientation]))
    if name == "CMYK":
        upright_body, body = jpeg(image.convert("CMYK")), jpeg(stored.convert("CMYK"), orientation=orientation)
    else:
        options = {"lossless": True} if name == "WEBP" else {"quality": 95}
        upright_body = encoded(image, name, **options)
        body = encoded(stored, name, **options, exif=exif(orientation))

    difference = np.abs(pixels(body).astype(int) - pixels(upright_body).astype(int)).mean(axis=(1, 2, 3))

    assert difference.max() < 1.5


def test_equal_bytes_give_equal_arrays_on_many_threads() -> None:
    bodies = [path.read_bytes() for path in sorted(GOLDEN.glob("*.jpg"))]
    alone = [pixels(body).tobytes() for body in bodies]

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda body: pixels(body).tobytes(), bodies * 4))

    assert together == alone * 4


def test_views_are_the_same_with_and_without_the_size_check() -> None:
    body = jpeg(shirt(300, 400))
    header = read_header(body)
    assert isinstance(header, ImageHeader)

    assert np.array_equal(views(body, header, SIDE), pixels(body, PixelLimits()))


def test_alpha_lies_on_white() -> None:
    clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    half = Image.new("RGBA", (64, 64), (0, 0, 0, 128))

    assert pixels(encoded(clear, "PNG")).min() == 255
    assert pixels(encoded(clear, "WEBP", lossless=True)).min() == 255
    assert pixels(encoded(half, "PNG"))[1].min() == 127
    assert pixels(encoded(Image.new("LA", (64, 64), (0, 0)), "PNG")).min() == 255


def test_a_transparent_palette_entry_lies_on_white() -> None:
    image = Image.new("P", (64, 64), 0)
    image.putpalette([0, 0, 0, 200, 0, 0])

    assert pixels(encoded(image, "GIF", transparency=0)).min() == 255
    assert pixels(encoded(image, "PNG", transparency=0)).min() == 255
    assert pixels(encoded(image, "PNG"))[1].max() == 0


def test_sixteen_bit_grey_is_scaled_not_clipped() -> None:
    image = Image.fromarray(np.full((64, 64), 0x4080, np.uint16))

    assert set(np.unique(pixels(encoded(image, "PNG"))[1])) == {0x40}


@pytest.mark.image_rule(13)
def test_an_animation_is_its_first_frame() -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("black", "red")]

    for name, options in (("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {})):
        body = encoded(frames[0], name, save_all=True, append_images=frames[1:], **options)
        assert pixels(body)[1].max() == 0


def test_cmyk_follows_its_profile_and_a_broken_profile_is_ignored() -> None:
    image = shirt(200, 150).convert("CMYK")
    white = cmyk_profile((255, 128, 128))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()  # of RGB: does not fit CMYK

    plain = pixels(jpeg(image))

    assert plain[1].std() > 20
    assert pixels(jpeg(image, icc_profile=white)).min() == 255
    assert np.array_equal(pixels(jpeg(image, icc_profile=profile)), plain)
    assert np.array_equal(pixels(jpeg(image, icc_profile=b"nonsense")), plain)


def test_a_jpeg_stored_as_rgb_keeps_its_colours() -> None:
    body = encoded(Image.new("RGB", (64, 64), (200, 30, 40)), "JPEG", keep_rgb=True, quality=95)

    assert np.abs(pixels(body)[1].astype(int) - (200, 30, 40)).max() <= 2


def test_a_jpeg_with_bytes_that_libjpeg_only_warns_of_is_decoded() -> None:
    body = jpeg(shirt(300, 400))
    scan = body.index(b"\xff\xda")
    odd = body[:scan] + b"\x00\x00" + body[scan:]
    with pytest.raises(ValueError, match="extraneous"):
        simplejpeg.decode_jpeg(odd)

    assert np.abs(pixels(odd).astype(int) - pixels(body).astype(int)).mean() < 0.1


@pytest.mark.parametrize("name", ["JPEG", "PROGRESSIVE", "CMYK", "PNG", "GIF", "WEBP"])
@pytest.mark.parametrize("tenths", range(1, 10))
def test_a_file_cut_anywhere_is_refused(name: str, tenths: int) -> None:
    image = shirt(300, 400)
    body = {
        "JPEG": lambda: jpeg(image),
        "PROGRESSIVE": lambda: jpeg(image, progressive=True),
        "CMYK": lambda: jpeg(image.convert("CMYK")),
    }.get(name, lambda: encoded(image, name))()

    assert decode(body[: len(body) * tenths // 10], SIDE) is FetchReason.TRUNCATED


@pytest.mark.image_rule(13)
@pytest.mark.parametrize(
    ("width", "height", "reason"),
    [
        (20_000, 20_000, FetchReason.TOO_MANY_PIXELS),
        (8000, 5001, FetchReason.TOO_MANY_PIXELS),
        (16_385, 100, FetchReason.TOO_MANY_PIXELS),
        (31, 400, FetchReason.TOO_SMALL),
        (400, 31, FetchReason.TOO_SMALL),
        (0, 400, FetchReason.TOO_SMALL),
    ],
)
def test_the_claimed_size_is_judged_before_any_decode(width: int, height: int, reason: FetchReason) -> None:
    assert decode(with_frame_size(jpeg(shirt(64, 64)), width, height), SIDE) is reason


@pytest.mark.image_rule(13)
def test_sizes_at_the_border_are_accepted() -> None:
    limits = PixelLimits()
    headers = [ImageHeader(ImageFormat.PNG, *size) for size in ((8000, 5000), (16_384, 32), (32, 32))]

    assert [limits.judge(header) for header in headers] == [None] * 3


def test_decoders_that_read_another_size_than_was_judged_are_not_trusted() -> None:
    body = jpeg(shirt(64, 64))
    frame = body.index(b"\xff\xc0")
    second = with_frame_size(body, 48, 48)[frame : frame + 19]

    assert decode(body[:frame] + second + body[frame:], SIDE) is FetchReason.UNDECODABLE


@settings(max_examples=40)
@given(st.integers(0, 6_000), st.integers(1, 255))
def test_a_flipped_byte_gives_views_or_a_reason(position: int, change: int) -> None:
    body = bytearray((GOLDEN / "medium-300x400.jpg").read_bytes())
    body[position] ^= change

    answer = decode(bytes(body), SIDE)

    assert isinstance(answer, FetchReason) or answer.shape == (2, SIDE, SIDE, 3)
