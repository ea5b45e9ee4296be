# SPDX-License-Identifier: Apache-2.0
"""What a made-up vendor calls its products."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.catalogue.garments import FEMALE, MALE, UNISEX

if TYPE_CHECKING:
    from random import Random

    from consumer.catalogue.garments import Garment

BRANDS = ("Nordvik", "Halden", "Mirelle", "Ostara", "Tamsin & Co", "Kestrel", "Bramante", "Solvey", "Ilka", "Portmore")

_WEARERS = {FEMALE: "Women", MALE: "Men", UNISEX: "Unisex"}

_TELLING = (
    "{brand} {wearer} {colour} {noun}",
    "{brand} {wearer} {cloth}{colour} {noun}",
    "{brand} {colour} {noun} - {wearer}",
    "{wearer} {cloth}{colour} {noun} by {brand}",
)
_SILENT = (
    "{brand} Classic {number}",
    "{brand} Signature Edition",
    "New Arrival {number}",
    "{brand} Style No. {number}",
    "",
)
_CLOTHS = {"solid": "", "stripes": "Striped ", "pinstripes": "Striped ", "checks": "Checked ", "dots": "Dotted "}


def telling_title(chance: Random, garment: Garment, brand: str, colour: str, pattern: str) -> str:
    """Names type, colour and wearer."""
    return chance.choice(_TELLING).format(
        brand=brand,
        wearer=_WEARERS[garment.gender],
        colour=colour,
        noun=chance.choice(garment.nouns),
        cloth=_CLOTHS[pattern],
    )


def silent_title(chance: Random, brand: str) -> str:
    """Names neither type nor colour nor wearer; now and then it is empty."""
    return chance.choice(_SILENT).format(brand=brand, number=chance.randrange(1000, 9999))


def with_markup(title: str) -> str:
    """The title as it comes out of a web shop's editor."""
    return f"<p><b>{title.replace('&', '&amp;')}</b>&nbsp;<br/>caf&eacute; collection</p>"


def with_mojibake(title: str) -> str:
    """The title after UTF-8 was read as Windows-1252 somewhere on its way."""
    return f"{title} – édition d’été".encode().decode("cp1252")  # noqa: RUF001 - the point of it
