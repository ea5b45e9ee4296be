# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from consumer.errors import FeedInvalid
from consumer.events import EventType
from consumer.feeds import shopify_csv
from consumer.feeds.formats import Format
from consumer.feeds.reading import DeletedWhen, Reading
from consumer.feeds.rows import BadRow, EventRow
from tests.unit.feeds.reading import bad, events, read

if TYPE_CHECKING:
    from pathlib import Path

PATTERN = "Color (product.metafields.shopify.color-pattern)"
COLUMNS = [
    *("Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags", "Status"),
    *("Option1 Name", "Option1 Value", "Option2 Name", "Option2 Value", "Variant SKU", "Variant Price"),
    *("Image Src", "Image Position", "Variant Image", PATTERN),
]
SHIRT = {
    "Handle": "linen-shirt",
    "Title": "Linen shirt",
    "Body (HTML)": "<p>Light</p>",
    "Vendor": "Acme",
    "Product Category": "Apparel & Accessories > Clothing > Shirts",
    "Type": "Shirts",
    "Tags": "summer, linen",
    "Option1 Name": "Color",
    "Option1 Value": "Navy",
    "Option2 Name": "Size",
    "Option2 Value": "M",
    "Variant SKU": "LS-NAVY-M",
    "Variant Price": "39.00",
    "Image Src": "https://a.example/1.jpg",
    "Image Position": "1",
    PATTERN: "navy; white",
}
RED = {"Handle": "linen-shirt", "Option1 Value": "Red", "Option2 Value": "M", "Variant SKU": "LS-RED-M"}


def table(*rows: dict[str, str]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def shopify(folder: Path, content: bytes | str, deleted_when: DeletedWhen | None = None) -> list[EventRow | BadRow]:
    return read(folder, content, Format.SHOPIFY_CSV, Reading(deleted_when=deleted_when))


def image(handle: str, number: int, position: str = "") -> dict[str, str]:
    return {"Handle": handle, "Image Src": f"https://a.example/{number}.jpg", "Image Position": position}


def test_each_variant_is_an_event_with_the_products_words(tmp_path: Path) -> None:
    rows = shopify(tmp_path, table(SHIRT, RED))

    navy, red = events(rows)
    assert (navy.key, red.key) == ("acme:LS-NAVY-M", "acme:LS-RED-M")
    for event in (navy, red):
        assert (event.title, event.description, event.brand) == ("Linen shirt", "<p>Light</p>", "Acme")
        assert event.item_group_id == "linen-shirt"
        assert event.vendor_category == "Apparel & Accessories > Clothing > Shirts"
        assert event.price is None
    said = {"type": "Shirts", "tags": "summer, linen", "color-pattern": "navy; white"}
    assert navy.vendor_attributes == said | {"Color": "Navy", "Size": "M"}
    assert red.vendor_attributes == said | {"Color": "Red", "Size": "M"}


def test_images_of_all_rows_of_a_handle_go_to_every_variant_by_position(tmp_path: Path) -> None:
    rows = shopify(
        tmp_path,
        table(
            SHIRT,
            RED
            | {
                "Variant Image": "https://a.example/red.jpg",
                "Image Src": "https://a.example/3.jpg",
                "Image Position": "3",
            },
            image("linen-shirt", 2, "2"),
            image("linen-shirt", 9),
            image("linen-shirt", 1, "4"),
        ),
    )

    navy, red = events(rows)
    gathered = tuple(f"https://a.example/{number}.jpg" for number in (1, 2, 3, 9))
    assert navy.image_urls == gathered
    assert red.image_urls == ("https://a.example/red.jpg", *gathered)


def test_without_a_sku_handle_and_options_name_the_variant(tmp_path: Path) -> None:
    plain = {"Handle": "bag", "Title": "Bag", "Option1 Name": "Title", "Option1 Value": "Default Title"}

    rows = shopify(
        tmp_path,
        table(SHIRT | {"Variant SKU": ""}, RED | {"Variant SKU": ""}, plain, {"Handle": "cap", "Title": "Cap"}),
    )

    assert [event.sku for event in events(rows)] == ["linen-shirt/Navy/M", "linen-shirt/Red/M", "bag", "cap"]
    assert events(rows)[2].vendor_attributes == {}


def test_a_handle_that_comes_back_is_bad_row_by_row_and_names_its_products(tmp_path: Path) -> None:
    rows = shopify(tmp_path, table(SHIRT, {"Handle": "bag", "Title": "Bag"}, RED, RED | {"Variant SKU": "LS-RED-L"}))

    assert [event.sku for event in events(rows)] == ["LS-NAVY-M", "bag"]
    reason = "the handle 'linen-shirt' stood in the feed before; its rows must follow each other"
    assert [row for row in rows if isinstance(row, BadRow)] == [
        BadRow(4, reason, "acme:LS-RED-M"),
        BadRow(5, reason, "acme:LS-RED-L"),
    ]


def test_variants_whose_first_row_was_lost_are_bad_and_not_half_a_product(tmp_path: Path) -> None:
    broken = table(SHIRT, RED).replace("linen-shirt,Linen shirt", "linen-shirt,Linen,shirt")

    rows = shopify(tmp_path, broken + "bag,Bag" + "," * (len(COLUMNS) - 2) + "\n")

    assert [event.sku for event in events(rows)] == ["bag"]
    assert bad(rows) == [
        (2, f"{len(COLUMNS) + 1} columns instead of {len(COLUMNS)}"),
        (3, "the first row of the handle 'linen-shirt', with its title, is missing"),
    ]


@pytest.mark.parametrize(
    ("faulty", "reason"),
    [
        ("h,,,Blue,s2,EXTRA\n", "6 columns instead of 5"),
        ('h,,,"Blue" x,s2\n', "not quoted as CSV: ',' expected after '\"'"),
        (",,,Blue,s2\n", "it has no handle"),
        ("h\xff,,,Blue,s2\n", "the byte 0xff does not fit the encoding; --encoding names another"),
    ],
)
def test_a_faulty_row_among_those_of_a_handle_costs_that_row_only(tmp_path: Path, faulty: str, reason: str) -> None:
    header = "Handle,Title,Option1 Name,Option1 Value,Variant SKU\n"

    content = header + "h,T,Color,Red,s1\n" + faulty + "h,,,Green,s3\nbag,Bag,,,b1\n"
    rows = shopify(tmp_path, content.encode("latin-1"))

    assert [(event.sku, event.title) for event in events(rows)] == [("s1", "T"), ("s3", "T"), ("b1", "Bag")]
    assert bad(rows) == [(3, reason)]
    assert [row.line for row in rows] == [2, 3, 4, 5]


@pytest.mark.parametrize("handle", ["linen-shirt", ""])
def test_the_image_of_a_faulty_row_goes_to_nobody(tmp_path: Path, handle: str) -> None:
    faulty = {"Handle": handle, "Image Src": "https://a.example/\xff.jpg"}

    rows = shopify(tmp_path, table(SHIRT, faulty, image("linen-shirt", 2)).encode("latin-1"))

    (event,) = events(rows)
    assert event.image_urls == ("https://a.example/1.jpg", "https://a.example/2.jpg")
    assert len(bad(rows)) == 1


def test_a_row_whose_handle_cannot_be_read_names_its_product_by_its_sku(tmp_path: Path) -> None:
    rows = shopify(tmp_path, table(SHIRT, RED | {"Handle": ""}, {"Title": "x"}))

    assert [row for row in rows if isinstance(row, BadRow)] == [
        BadRow(3, "it has no handle", "acme:LS-RED-M"),
        BadRow(4, "it has no handle"),
    ]


def test_a_row_without_a_handle_is_bad(tmp_path: Path) -> None:
    rows = shopify(tmp_path, table({"Title": "x"}, SHIRT))

    assert bad(rows) == [(2, "it has no handle")]
    assert len(events(rows)) == 1


def test_a_handle_without_end_is_bad_beyond_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shopify_csv, "MAX_ROWS", 3)

    images = [image("linen-shirt", number) for number in range(2, 6)]
    rows = shopify(tmp_path, table(SHIRT, *images, {"Title": "x"}))

    too_many = "the handle 'linen-shirt' has more than 3 rows"
    assert bad(rows) == [(5, too_many), (6, too_many), (7, "it has no handle")]
    assert len(events(rows)) == 1


def test_the_newer_templates_names_are_known_too(tmp_path: Path) -> None:
    rows = shopify(
        tmp_path, "Title,URL handle,Description,SKU,Product image URL\nBag,bag,Big,B-1,https://a.example/b.jpg\n"
    )

    (event,) = events(rows)
    assert (event.sku, event.description, event.image_urls) == ("B-1", "Big", ("https://a.example/b.jpg",))


def test_a_column_of_the_product_withdraws_all_of_its_variants(tmp_path: Path) -> None:
    rows = shopify(
        tmp_path,
        table(SHIRT | {"Status": "archived"}, RED, {"Handle": "bag", "Title": "Bag", "Status": "active"}),
        DeletedWhen("Status", "archived"),
    )

    deleted, kept = EventType.DELETE, EventType.UPSERT
    assert [event.event_type for event in events(rows)] == [deleted, deleted, kept]


def test_a_table_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FeedInvalid, match="no column 'handle'"):
        shopify(tmp_path, "sku,title\n1,x\n")
