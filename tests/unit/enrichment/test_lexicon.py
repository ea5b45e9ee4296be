# SPDX-License-Identifier: Apache-2.0
"""The shipped lexicon, held against the ontology, the names of colours and the traps that titles set."""

from __future__ import annotations

import csv
import json
import time
from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest

from consumer.bundle import read_text
from consumer.enrichment.lexicon import Lexicon
from consumer.enrichment.nouns import CategoryNames
from consumer.enrichment.ontology import Ontology
from consumer.enrichment.phrases import MAX_WORDS, words_of
from consumer.enrichment.words import said_by
from consumer.errors import IncompatibleModels
from consumer.events import EventType, ProductEvent

if TYPE_CHECKING:
    from pathlib import Path


BLACK, WHITE, BLUE, NAVY, BROWN, GREEN, GREY, RED = "1", "3", "2", "15", "7", "9", "8", "13"

#: How colour-map calls our families.
SIMPLE = {
    "beige": {"6"},
    "black": {BLACK},
    "blue": {BLUE, NAVY},
    "brown": {BROWN, "657"},
    "green": {GREEN},
    "grey": {GREY, "5"},
    "orange": {"10"},
    "pink": {"11"},
    "purple": {"12"},
    "red": {RED},
    "white": {WHITE},
    "yellow": {"14", "4"},
}
#: Names that we put elsewhere: the map has no navy, teal or khaki and asked what a patch on a screen is called; we
#: follow the shades that shops sort under our families.
ELSEWHERE = {
    *(
        "aqua",
        "aquamarine",
        "aubergine",
        "brick",
        "buff",
        "burgundy",
        "burnt orange",
        "butter",
        "charcoal",
        "chocolate",
    ),
    *("cinnamon", "clay", "cream", "creme", "custard", "cyan", "dark navy", "dark navy blue", "dusty rose", "ecru"),
    *("eggplant", "eggshell", "fuchsia", "golden", "heather", "ivory", "khaki", "lime yellow", "magenta", "maroon"),
    *(
        "mauve",
        "merlot",
        "midnight",
        "mushroom",
        "mustard",
        "mustard yellow",
        "neon yellow",
        "ocher",
        "ochre",
        "off white",
    ),
    *("petrol", "pumpkin", "rust", "rust red", "stone", "sunflower", "tan", "tan brown", "taupe", "teal"),
    *("terra cotta", "terracotta", "turquoise", "wheat", "dark brown"),
}


NAMES = CategoryNames(Ontology.load("v1"), Lexicon.load("v1"))


def said(lexicon: Lexicon, title: str, **fields: Any) -> dict[str, tuple[str, ...]]:
    when = datetime(2026, 1, 1, tzinfo=UTC)
    event = ProductEvent("e1", EventType.UPSERT, "acme", "sku-1", 1, when, title=title, **fields)
    return said_by(lexicon, NAMES, read_text(event, ("en",)).product, event.brand or "")


def test_every_word_means_something_in_the_ontology(ontology: Ontology) -> None:
    file = resources.files("triton_models") / "ontology" / "lexicons" / "v1.json"
    tree = json.loads(file.read_text(encoding="utf-8"))

    for table in (tree["words"], tree["field_words"]):
        for handle, values in table.items():
            kind = ontology.attribute(handle)
            assert values.keys() <= {*kind.labels, *kind.shades}
            phrases = [words_of(phrase) for named in values.values() for phrase in named]
            assert len(phrases) == len(set(phrases))
            assert all(phrases)
    assert tree["categories"].keys() <= ontology.categories.keys()
    assert {handle for entry in tree["fields"] for handle in entry["handles"]} <= tree["words"].keys()
    for handle, pairs in tree["kin"].items():
        assert {value for pair in pairs for value in pair} <= ontology.attribute(handle).labels.keys()
    assert tree["version"] == ontology.version == tree["ontology"]


def test_a_version_that_is_not_shipped_is_refused() -> None:
    with pytest.raises(IncompatibleModels, match="lexicon v999"):
        Lexicon.load("v999")


@pytest.mark.parametrize(
    ("title", "colours"),
    [
        ("Navy blue shirt", (NAVY,)),
        ("Light blue shirt", (BLUE,)),
        ("Offwhite top", ("x-shade-off-white",)),
        ("Black & White Shirt", (BLACK, WHITE)),
        ("black/white sneakers", (BLACK, WHITE)),
        ("Denim blue jacket", (BLUE,)),
        ("Rose gold watch", ("16",)),
        ("Men Black Dial Watch", ()),
        ("Brown watch, black leather strap", (BROWN,)),
        ("Red sneakers with white soles", (RED,)),
        ("Belt, gold-tone buckle", ()),
        ("Grey T-shirt with blue print", (GREY,)),
        ("Red Tape Men Brown Shoes", (BROWN,)),
        ("Green Mint Women Top", ()),
        ("Blackberrys Men Shirt", ()),
        ("Orange County jersey", ()),
        ("Indigo Nation Men Shirt", ()),
        ("Cotton candy dress", ()),
        ("Moisturising cream for dry skin", ()),
        ("Stainless steel watch", ()),
        ("Not black, but grey", (GREY,)),
        ("burgandy saree", ("x-shade-burgundy",)),
        ("Lee Cooper shoes", ()),
        ("Shirt in thressqatar", ()),
        ("Fuchsia crème dress", ("x-shade-fuchsia", "x-shade-cream")),
        ("", ()),
    ],
)
def test_colours_of_a_title_are_the_products(lexicon: Lexicon, title: str, colours: tuple[str, ...]) -> None:
    assert said(lexicon, title).get("color", ()) == colours


def test_a_brand_that_is_a_colour_is_named_once(lexicon: Lexicon) -> None:
    assert said(lexicon, "Scarlet Men Grey Shirt", brand="Scarlet")["color"] == (GREY,)
    assert said(lexicon, "Scarlet Scarlet Dress", brand="Scarlet")["color"] == (RED,)
    assert said(lexicon, "Scarlet Dress", brand="Acme")["color"] == (RED,)


@pytest.mark.parametrize(
    ("title", "handle", "values"),
    [
        ("Women's slim fit jeans", "fit", ("6718",)),
        ("Women's slim fit jeans", "target-gender", ("18",)),
        ("Slim wallet", "fit", ()),
        ("Cotton candy dress", "fabric", ()),
        ("Denim blue shirt", "fabric", ()),
        ("Blue denim shirt", "fabric", ("54",)),
        ("Cotton-linen shirt", "fabric", ("16984", "16989")),
        ("Faux leather skirt", "fabric", ("16985",)),
        ("Jacket without hood", "neckline", ()),
        ("Jacket with hood", "neckline", ("6709",)),
        ("Top with no sleeves", "sleeve-length-type", ("174",)),
        ("sleevless polyster top", "sleeve-length-type", ("174",)),
        ("sleevless polyster top", "fabric", ("16993",)),
        ("Dress in thressqatar sleeves", "sleeve-length-type", ()),
        ("3/4th sleeve top", "sleeve-length-type", ("1405",)),
        ("Vneck tee", "neckline", ("390",)),
        ("High-waisted skinny jeans", "waist-rise", ("1376",)),
        ("Boys and girls raincoat", "target-gender", ("20",)),
        ("Boys shorts", "age-group", ("1515",)),
        ("Baby girl dress", "age-group", ("2974",)),
        ("U.S. Polo Assn. shirt", "x-collar", ()),
        ("Spring-loaded hinge sunglasses", "x-season", ()),
        ("Polka dot dress", "pattern", ("2870",)),
    ],
)
def test_words_name_values_and_their_traps_do_not(
    lexicon: Lexicon, title: str, handle: str, values: tuple[str, ...]
) -> None:
    assert said(lexicon, title).get(handle, ()) == values


def test_a_description_fills_what_the_title_leaves_open_when_it_names_one_value(lexicon: Lexicon) -> None:
    found = said(
        lexicon, "Navy shirt", description="A red classic. Soft cotton. Pairs with slim jeans or skinny trousers."
    )

    assert found["color"] == (NAVY,)
    assert found["fabric"] == ("16984",)
    assert "fit" not in found


@pytest.mark.parametrize(
    "unit", ["navy ", "red tape ", "x" * 50 + " ", "sleevles ", "{{title}} ", "\u202eder ", "with "]
)
def test_hostile_text_stays_data_and_costs_little(lexicon: Lexicon, unit: str) -> None:
    text = unit * (5_000_000 // len(unit))
    started = time.process_time()

    found = said(lexicon, text, description=text, brand=text)

    assert time.process_time() - started < 0.5
    assert all(len(values) <= MAX_WORDS for values in found.values())


def test_a_word_beyond_the_limit_is_not_read() -> None:
    assert len(words_of("word " * 10_000)) == MAX_WORDS


@pytest.mark.data
def test_names_of_colours_agree_with_the_colour_map(lexicon: Lexicon, ontology: Ontology, data_folder: Path) -> None:
    color = ontology.attribute("color")
    with (data_folder / "colour-map" / "color_mapping.csv").open(newline="") as file:
        names = {row["complex_color"]: row["simple_color"] for row in csv.DictReader(file)}
    known, whole, elsewhere = 0, 0, set()
    for name, simple in names.items():
        words = words_of(name)
        found = [phrase for phrase in lexicon.field.find(words) if "color" in phrase.meaning]
        known += bool(found)
        if simple in SIMPLE and len(found) == 1 and (found[0].start, found[0].end) == (0, len(words)):
            whole += 1
            if color.family_of(found[0].meaning["color"]) not in SIMPLE[simple]:
                elsewhere.add(name)

    print(f"{len(names)} names: {known} hold one of ours, {whole} are one, we put {len(elsewhere)} elsewhere")
    assert known / len(names) > 0.85
    assert elsewhere <= ELSEWHERE


@pytest.mark.parametrize(
    ("title", "node"),
    [
        ("Men's Festive Kurta | Mandarin Collar", "x-kurta"),
        ("Silk gloves, black", "aa-2-13"),
        ("Backpack with laptop sleeve and belt", "x-backpack"),
        ("Short sleeve dress", "aa-1-4"),
        ("Chemise homme en lin", "aa-1-13-7"),
        ("Damen Sommerkleid, knielang", "aa-1-4"),
        ("Dress shoes", None),
        ("Khaki cargo trousers with green belt", "aa-1-12"),
        ("Olive green parka unisex", "aa-1-10-2"),
        ("The Isolde", None),
    ],
)
def test_a_title_names_one_node_or_none(lexicon: Lexicon, title: str, node: str | None) -> None:
    assert said(lexicon, title).get("category", (None,)) == (node,)


@pytest.mark.parametrize(
    ("title", "values"),
    [
        ("Gown in liquid emerald satin", ("x-shade-emerald",)),
        ("Trench Coat - Sand", ("6",)),
        ("Trench Coat - Sand - M", ("6",)),
        ("Sand Trench Coat", ()),
        ("Emerald ring", ()),
        ("Black Trench Coat - Sand", ("1",)),
        ("Dress in ice silk", ()),
    ],
)
def test_some_words_are_colours_in_some_places_only(lexicon: Lexicon, title: str, values: tuple[str, ...]) -> None:
    assert said(lexicon, title).get("color", ()) == values


@pytest.mark.parametrize(
    "title", ["No-show black socks", "Non-padded black bra", "No Boundaries Black dress", "Non slip black shoes"]
)
def test_a_negation_is_of_the_word_behind_it(lexicon: Lexicon, title: str) -> None:
    assert said(lexicon, title)["color"] == (BLACK,)


def test_the_german_word_for_for_is_no_fur(lexicon: Lexicon) -> None:
    assert "fabric" not in said(lexicon, "Schwarze Lederstiefel f\u00fcr Damen")
    assert said(lexicon, "Fur coat")["fabric"]


def test_what_is_denied_is_not_said(lexicon: Lexicon) -> None:
    assert "color" not in said(lexicon, "Socks, not black")
    assert "fabric" not in said(lexicon, "Shirt without any cotton")


@pytest.mark.parametrize(
    ("brand", "title", "description", "handle"),
    [
        ("Green Soul", "Casual shoes", "The Green Soul walker. Green Soul since 1990.", "color"),
        ("Flora", "Flora Women Dress", "", "pattern"),
    ],
)
def test_a_brand_says_nothing_wherever_it_stands(
    lexicon: Lexicon, brand: str, title: str, description: str, handle: str
) -> None:
    assert handle not in said(lexicon, title, brand=brand, description=description)
