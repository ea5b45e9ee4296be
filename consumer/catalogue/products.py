# SPDX-License-Identifier: Apache-2.0
"""Made-up products: titles, photos to draw, what is true of them, and what is wrong with one in ten.

A seed gives the same products every time; asking for more of them changes none of the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from consumer.catalogue.accessories import ACCESSORIES
from consumer.catalogue.clothing import CLOTHING
from consumer.catalogue.colours import COLOURS, Colour, contrasting, distance
from consumer.catalogue.fabric import PATTERNS
from consumer.catalogue.photo import Look, Photo
from consumer.catalogue.titles import BRANDS, silent_title, telling_title, with_markup, with_mojibake

GARMENTS = (*CLOTHING, *ACCESSORIES)

#: One in this many products has something wrong with it.
TROUBLE_EVERY = 10
SILENT_SHARE = 0.3
PATTERNED_SHARE = 0.4
#: Of the patterned ones.
TWO_COLOURED_SHARE = 0.4
WORN_SHARE = 0.65

_PHOTO_COUNTS, _PHOTO_WEIGHTS = (1, 2, 3, 4, 5), (40, 28, 16, 10, 6)
#: Between colours, each channel 0..255.
_FAR = 150
_PAPERS = ((254, 254, 254), (254, 254, 254), (250, 249, 247), (234, 232, 228), (226, 231, 237))


class Trouble(StrEnum):
    """What is wrong with a product."""

    DEAD_LINK = "dead_link"
    NO_IMAGE = "no_image"
    MARKUP = "markup"
    MOJIBAKE = "mojibake"
    BROKEN_RECORD = "broken_record"
    PRIVATE_REDIRECT = "private_redirect"
    DELETE = "delete"
    WRONG_COLOUR = "wrong_colour"
    """The vendor's own field names another colour than title and picture."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What was drawn, as ids of the ontology."""

    category: str
    gender: str
    color: str
    is_titled: bool
    """Whether the title names type, colour and wearer."""


@dataclass(frozen=True, slots=True)
class Product:
    """One product of a made-up vendor."""

    sku: str
    brand: str
    title: str
    truth: Truth
    photos: tuple[Photo, ...]
    """To be drawn by `photo.draw`, best first."""
    trouble: Trouble | None
    vendor_colour: str | None = None
    """The colour that stands in the vendor's own field; None where the field is left out."""


def make_products(count: int, seed: int) -> tuple[Product, ...]:
    """The first `count` products of this seed. Nothing is drawn yet."""
    kinds = list(Trouble)
    Random(seed).shuffle(kinds)  # noqa: S311 - pictures, not secrets
    return tuple(_make_product(number, seed, kinds) for number in range(count))


def _make_product(number: int, seed: int, kinds: list[Trouble]) -> Product:
    chance = Random(f"{seed}/{number}")  # noqa: S311
    round_number, place = divmod(number, TROUBLE_EVERY)
    trouble = kinds[round_number % len(kinds)] if place == TROUBLE_EVERY // 2 else None
    garment = chance.choice(GARMENTS)
    offered = [colour for colour in COLOURS if not garment.colours or colour.word in garment.colours]
    (colour,) = chance.choices(offered, [colour.weight for colour in offered])
    is_patterned = garment.is_patterned and chance.random() < PATTERNED_SHARE
    pattern = chance.choice(PATTERNS) if is_patterned else "solid"
    is_two_coloured = is_patterned and trouble is not Trouble.WRONG_COLOUR
    second = _second_colour(Random(f"{seed}/{number}/second"), colour) if is_two_coloured else None  # noqa: S311
    look = Look(
        garment=garment,
        rgb=colour.rgb,
        pattern=pattern,
        second_rgb=second.rgb if second else contrasting(colour.rgb),
        pattern_scale=chance.uniform(14, 34),
        skin=chance.randrange(4),
    )
    words = f"{colour.word} and {second.word}" if second else colour.word
    brand = chance.choice(BRANDS)
    is_titled = chance.random() >= SILENT_SHARE or trouble is Trouble.WRONG_COLOUR
    title = telling_title(chance, garment, brand, words, look.pattern) if is_titled else silent_title(chance, brand)
    return Product(
        sku=f"{seed}-{number:05d}",
        brand=brand,
        title=_spoilt(title, trouble),
        truth=Truth(garment.category, garment.gender, colour.family, is_titled),
        photos=() if trouble is Trouble.NO_IMAGE else _photos(chance, look),
        trouble=trouble,
        vendor_colour=_other_colour(chance, colour.family) if trouble is Trouble.WRONG_COLOUR else None,
    )


def _second_colour(chance: Random, first: Colour) -> Colour | None:
    """One that nobody takes for the first; None where the pattern is a shade of the same."""
    if chance.random() >= TWO_COLOURED_SHARE:
        return None
    return chance.choice([colour for colour in COLOURS if distance(colour.rgb, first.rgb) > _FAR])


def _other_colour(chance: Random, family: str) -> str:
    return chance.choice([colour.word for colour in COLOURS if colour.family != family])


def _spoilt(title: str, trouble: Trouble | None) -> str:
    if trouble is Trouble.MARKUP:
        return with_markup(title)
    if trouble is Trouble.MOJIBAKE:
        return with_mojibake(title)
    return title


def _photos(chance: Random, look: Look) -> tuple[Photo, ...]:
    """The whole product first; among further ones may be a close-up."""
    (count,) = chance.choices(_PHOTO_COUNTS, _PHOTO_WEIGHTS)
    is_worn = bool(look.garment.behind) and chance.random() < WORN_SHARE
    return tuple(
        Photo(
            look=look,
            is_worn=is_worn if position == 0 else bool(look.garment.behind) and chance.random() < WORN_SHARE,
            zoom=chance.uniform(1.8, 2.4) if position == 2 else chance.uniform(0.88, 1.04),  # noqa: PLR2004 - the third
            angle=chance.uniform(-3, 3),
            is_mirrored=chance.random() < 0.5,  # noqa: PLR2004 - half
            background=chance.choice(_PAPERS),
            light=chance.choice((-1.0, 1.0)),
            seed=chance.randrange(1 << 32),
        )
        for position in range(count)
    )
