# SPDX-License-Identifier: Apache-2.0
"""Draws one photo of a product: garment, cloth, light, background. The same photo gives the same bytes.

Bytes stay equal within one version of Pillow and its JPEG library.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from math import cos, radians, sin
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from consumer.catalogue.colours import RGB, contrasting, mixed
from consumer.catalogue.fabric import weave
from consumer.catalogue.garments import Part
from consumer.catalogue.outlines import FRAME, Point, mirrored, trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from consumer.catalogue.garments import Garment, Line

#: Pixels of a photo.
WIDTH, HEIGHT = 240, 320
#: Masks are drawn this much larger and reduced: smooth edges.
_OVERSAMPLING = 2
#: Pixels of a mask per unit of an outline.
_SCALE = _OVERSAMPLING * WIDTH / FRAME[0]
_JPEG_QUALITY = 88

_SKINS: tuple[RGB, ...] = ((236, 196, 166), (204, 152, 114), (142, 96, 66), (96, 62, 44))
_FIXED: dict[str, RGB] = {
    "hair": (44, 32, 26),
    "dark": (52, 54, 62),
    "light_top": (222, 222, 220),
    "black": (26, 26, 28),
    "white": (244, 244, 242),
    "metal": (198, 198, 202),
    "shadow_metal": (128, 128, 134),
    "lens": (38, 36, 40),
    "glare": (92, 92, 100),
    "sole": (232, 228, 220),
    "button": (240, 240, 236),
    "stitch": (206, 164, 104),
}


@dataclass(frozen=True, slots=True)
class Look:
    """What all photos of one product share."""

    garment: Garment
    rgb: RGB
    pattern: str
    second_rgb: RGB
    """Of the pattern."""
    pattern_scale: float
    skin: int
    """Index of a skin tone."""


@dataclass(frozen=True, slots=True)
class Photo:
    """One view of a product. `zoom` 1 is the whole of it; angles are degrees."""

    look: Look
    is_worn: bool
    zoom: float
    angle: float
    is_mirrored: bool
    background: RGB
    light: float
    """Where the light comes from: -1 left, 1 right."""
    seed: int


@dataclass(frozen=True, slots=True)
class _Area:
    """Where a piece is: a box of the frame, and 0..255 for each of its pixels."""

    left: int
    top: int
    mask: Image.Image

    @property
    def window(self) -> tuple[slice, slice]:
        return (
            slice(self.top, self.top + self.mask.height),
            slice(self.left, self.left + self.mask.width),
        )


def draw(photo: Photo) -> bytes:
    """A JPEG of 240 x 320 pixels."""
    garment = photo.look.garment
    pieces = (*garment.behind, *garment.drawing) if photo.is_worn else garment.drawing
    areas = [(piece, area) for piece in pieces if (area := _area(photo, piece))]
    canvas = _background(photo, [area for _, area in areas])
    folds = _folds(photo.seed)
    colours = _paints(photo.look)
    for piece, area in areas:
        paint = _cloth(photo, area) if piece.paint == "main" else np.array(colours[piece.paint], dtype=np.float32)
        if isinstance(piece, Part):
            paint = paint * (_shading(area, photo.light) * folds[area.window])[..., None]
        alpha = (np.asarray(area.mask, dtype=np.float32) / 255)[..., None]
        canvas[area.window] += alpha * (paint - canvas[area.window])
    return _jpeg(canvas)


def _cloth(photo: Photo, area: _Area) -> NDArray[np.float32]:
    look = photo.look
    if look.pattern == "solid":
        return np.array(look.rgb, dtype=np.float32)
    scale = look.pattern_scale * photo.zoom * _SCALE / _OVERSAMPLING
    return weave(look.pattern, look.rgb, look.second_rgb, window=area.window, scale=scale)


def _paints(look: Look) -> dict[str, RGB]:
    rgb = look.rgb
    return {
        **_FIXED,
        "main": rgb,
        "skin": _SKINS[look.skin % len(_SKINS)],
        "deep": mixed(rgb, (0, 0, 0), 0.22),
        "seam": mixed(rgb, (0, 0, 0), 0.34) if sum(rgb) > 180 else mixed(rgb, (255, 255, 255), 0.2),  # noqa: PLR2004
        "fold": mixed(rgb, (0, 0, 0), 0.12),
        "light": mixed(rgb, (255, 255, 255), 0.14),
        "wash": mixed(rgb, (255, 255, 255), 0.1),
        "contrast": contrasting(rgb),
        "dial": mixed(rgb, (0, 0, 0), 0.3) if sum(rgb) < 600 else (248, 248, 246),  # noqa: PLR2004 - dark or white dial
    }


def _placed(photo: Photo, points: tuple[Point, ...]) -> list[Point]:
    """Rotated, zoomed about the middle of the frame, mirrored; in pixels of a mask."""
    turn, middle_x, middle_y = radians(photo.angle), FRAME[0] / 2, FRAME[1] / 2
    cosine, sine = cos(turn) * photo.zoom, sin(turn) * photo.zoom
    flip = -1 if photo.is_mirrored else 1
    return [
        (
            (middle_x + flip * ((x - middle_x) * cosine - (y - middle_y) * sine)) * _SCALE,
            (middle_y + (x - middle_x) * sine + (y - middle_y) * cosine) * _SCALE,
        )
        for x, y in points
    ]


def _area(photo: Photo, piece: Part | Line) -> _Area | None:
    """None for a piece that lies outside the frame."""
    points = trace(piece.path)
    sides = [_placed(photo, side) for side in ((points, mirrored(points)) if piece.sym else (points,))]
    width = 0 if isinstance(piece, Part) else max(1, round(piece.width * photo.zoom * _SCALE))
    xs, ys = ([point[axis] for side in sides for point in side] for axis in (0, 1))
    left, right = _span(xs, width, WIDTH)
    top, bottom = _span(ys, width, HEIGHT)
    if left >= right or top >= bottom:
        return None
    large = Image.new("L", ((right - left) * _OVERSAMPLING, (bottom - top) * _OVERSAMPLING))
    pen = ImageDraw.Draw(large)
    for side in sides:
        inside = [(x - left * _OVERSAMPLING, y - top * _OVERSAMPLING) for x, y in side]
        if isinstance(piece, Part):
            pen.polygon(inside, fill=255)
        else:
            pen.line(inside, fill=255, width=width, joint="curve")
    return _Area(left, top, large.reduce(_OVERSAMPLING))


def _span(values: list[float], width: int, limit: int) -> tuple[int, int]:
    """First and last pixel of the frame that the values touch, drawn with a pen of that width."""
    first, last = (min(values) - width) / _OVERSAMPLING, (max(values) + width) / _OVERSAMPLING
    return max(0, int(first) - 1), min(limit, int(last) + 2)


def _background(photo: Photo, areas: list[_Area]) -> NDArray[np.float32]:
    """Paper with the product's soft shadow, a little darker away from the light and at the foot."""
    whole = Image.new("L", (WIDTH, HEIGHT))
    for area in areas:
        whole.paste(255, (area.left + 3, area.top + 5), area.mask)
    soft = whole.reduce(4).filter(ImageFilter.BoxBlur(2)).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
    x, y = np.linspace(-1, 1, WIDTH, dtype=np.float32), np.linspace(0, 1, HEIGHT, dtype=np.float32)
    falloff = (0.985 + 0.015 * photo.light * x) - 0.02 * y[:, None]
    brightness = falloff - np.float32(0.13 / 255) * np.asarray(soft, dtype=np.float32)
    paper: NDArray[np.float32] = brightness[..., None] * np.array(photo.background, dtype=np.float32)
    return paper


def _folds(seed: int) -> NDArray[np.float32]:
    """Soft light and dark over the whole frame, as of cloth that does not lie flat."""
    coarse = np.random.default_rng(seed).normal(0, 1, (9, 7)).astype(np.float32)
    waves = Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    return np.float32(1) + np.float32(0.035) * np.asarray(waves)


def _shading(area: _Area, light: float) -> NDArray[np.float32]:
    """Darker towards the edges, like something round, and away from the light."""
    framed = ImageOps.expand(area.mask, border=16)
    depth = framed.reduce(4).filter(ImageFilter.BoxBlur(3)).resize(framed.size, Image.Resampling.BILINEAR)
    inner = np.asarray(depth, dtype=np.float32)[16:-16, 16:-16]
    x = np.linspace(-1, 1, WIDTH, dtype=np.float32)[area.window[1]]
    shading: NDArray[np.float32] = (0.74 + np.float32(0.26 / 255) * inner) * (1 + 0.05 * light * x)
    return shading


def _jpeg(canvas: NDArray[np.float32]) -> bytes:
    target = io.BytesIO()
    Image.fromarray(canvas.clip(0, 255).astype(np.uint8)).save(target, "JPEG", quality=_JPEG_QUALITY)
    return target.getvalue()
