# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from consumer.errors import FeedInvalid
from consumer.events import EventType, Price
from consumer.feeds import table
from consumer.feeds.formats import Format
from consumer.feeds.mapping import Mapping, load_mapping
from consumer.feeds.reading import DeletedWhen, Reading
from consumer.feeds.rows import BadRow, EventRow
from tests.unit.feeds.reading import bad, events, read

if TYPE_CHECKING:
    from pathlib import Path

MAPPING = """
[fields]
sku = "id"
title = "productDisplayName"
image_urls = ["front", "more"]
vendor_attributes.color = "baseColour"
price.amount = "mrp"
product_version = "revision"

[constants]
brand = "Acme"
price.currency = "INR"
vendor_attributes.origin = "IN"

[lists]
image_urls = "|"
"""


def csv(folder: Path, content: bytes | str, **reading: object) -> list[EventRow | BadRow]:
    return read(folder, content, Format.CSV, Reading(**reading))  # type: ignore[arg-type]


def mapping(folder: Path, text: str = MAPPING) -> Mapping:
    path = folder / "mapping.toml"
    path.write_text(text)
    return load_mapping(path)


def test_without_a_mapping_columns_carry_the_names_of_fields(tmp_path: Path) -> None:
    rows = csv(
        tmp_path,
        "sku,title,image_urls,price,vendor_attributes.color,occurred_at,weight\n"
        '1,"A ""navy"" shirt, men",https://a.example/1.jpg https://a.example/2.jpg,12.50 EUR,Navy,'
        "2026-01-02T03:04:05Z,9\n",
    )

    (event,) = events(rows)
    assert (event.key, event.title) == ("acme:1", 'A "navy" shirt, men')
    assert event.image_urls == ("https://a.example/1.jpg", "https://a.example/2.jpg")
    assert event.price == Price(Decimal("12.50"), "EUR")
    assert event.vendor_attributes == {"color": "Navy"}
    assert event.occurred_at.year == 2026
    assert [row.columns_ignored for row in rows if isinstance(row, EventRow)] == [1]


def test_the_column_that_tells_what_is_gone_is_not_left_out(tmp_path: Path) -> None:
    text = "sku,title,status,weight\n1,Shirt,gone,9\n"
    rows = csv(tmp_path, text, deleted_when=DeletedWhen("status", "gone"))

    assert [row.columns_ignored for row in rows if isinstance(row, EventRow)] == [1]


def test_a_mapping_names_columns_constants_and_separators(tmp_path: Path) -> None:
    rows = csv(
        tmp_path,
        "id,productDisplayName,front,more,baseColour,mrp,revision,title\n"
        "7,Shirt,https://a.example/f.jpg,https://a.example/1.jpg| |https://a.example/2 b.jpg,Red,799,12,no title\n",
        mapping=mapping(tmp_path),
    )

    (event,) = events(rows)
    assert (event.sku, event.title, event.brand, event.product_version) == ("7", "Shirt", "Acme", 12)
    assert event.image_urls == ("https://a.example/f.jpg", "https://a.example/1.jpg", "https://a.example/2 b.jpg")
    assert event.vendor_attributes == {"color": "Red", "origin": "IN"}
    assert event.price == Price(Decimal(799), "INR")


def test_a_constant_stands_where_a_cell_is_blank(tmp_path: Path) -> None:
    text = '[fields]\nsku = "id"\nbrand = "maker"\n[constants]\nbrand = "Acme"\n'

    found = events(csv(tmp_path, "id,maker\n1,\n2,Other\n", mapping=mapping(tmp_path, text)))

    assert [event.brand for event in found] == ["Acme", "Other"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[fields]\ntitle = ", "no TOML"),
        ("[constants]\n", "fields: Field required"),
        ('[fields]\ntitle = "t"\n', "fields.sku is missing"),
        ('[fields]\nsku = "id"\ntitel = "t"\n', "titel is no field of ProductEvent"),
        ('[fields]\nsku = ["a", "b"]\n', "fields.sku must be one column"),
        ('[fields]\nsku = "id"\n[lists]\ntitle = " "\n', "lists.title is no list"),
        ('[fields]\nsku = "id"\n[lists]\nimage_urls = ""\n', "lists.image_urls is empty"),
        ('[fields]\nsku = "id"\n[constants]\nimage_urls = "u"\n', "constants.image_urls would be a list"),
        ('[fields]\nsku = "id"\n[colums]\n', "colums: Extra inputs are not permitted"),
    ],
)
def test_a_mapping_file_that_says_nothing_sensible_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(FeedInvalid) as caught:
        mapping(tmp_path, text)

    assert fault in str(caught.value)


def test_a_mapped_column_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(FeedInvalid, match=r"no column 'front', 'more'.*7 columns|no column 'baseColour'.*'id', 'name'"):
        csv(tmp_path, "id,name\n1,x\n", mapping=mapping(tmp_path))


def test_a_mapped_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FeedInvalid, match="2 columns 'sku'"):
        csv(tmp_path, "sku,title,sku\n1,x,2\n")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_out(tmp_path: Path, delimiter: str) -> None:
    content = delimiter.join(["sku", "title"]) + "\n" + delimiter.join(["1", "a shirt"]) + "\n"

    assert [event.title for event in events(csv(tmp_path, content))] == ["a shirt"]


def test_a_wrong_delimiter_is_refused_with_what_was_found(tmp_path: Path) -> None:
    with pytest.raises(FeedInvalid) as caught:
        csv(tmp_path, "sku;title\n1;x\n", delimiter=",")

    assert str(caught.value) == (
        "no column 'sku'; with the delimiter ',' the header has 1 columns: 'sku;title'; the delimiter seems to be ';'"
    )


def test_a_table_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FeedInvalid, match="no column 'sku'"):
        csv(tmp_path, "<html><body>Please log in</body></html>\n")


@pytest.mark.parametrize("content", ["", "\n\n  \n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(FeedInvalid, match="the file is empty"):
        csv(tmp_path, content)


def test_blank_lines_and_rows_of_blanks_are_no_rows(tmp_path: Path) -> None:
    rows = csv(tmp_path, "\n\nsku,title\r\n\r\n1,a\r\n , \r\n\r\n2,b")

    assert [(row.line, row.event.sku) for row in rows if isinstance(row, EventRow)] == [(5, "1"), (8, "2")]


def test_a_quoted_cell_may_span_lines_and_rows_are_named_by_their_first(tmp_path: Path) -> None:
    rows = csv(tmp_path, 'sku,title\n1,"two\nlines"\n2,b,c\n')

    assert [event.title for event in events(rows)] == ["two\nlines"]
    assert bad(rows) == [(4, "3 columns instead of 2")]


def test_a_stray_quote_costs_its_own_row_only(tmp_path: Path) -> None:
    rows = csv(tmp_path, 'sku,title\n1,a\n2,"5" heel"\n3,"never closed\n4,d\n5,"e"\n6,f\n')

    assert [event.sku for event in events(rows)] == ["1", "4", "5", "6"]
    assert [line for line, _ in bad(rows)] == [3, 4]


def test_an_endless_record_is_bad_and_the_next_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "MAX_RECORD_CHARACTERS", 60)

    rows = csv(tmp_path, "sku,title\n1," + "x" * 200 + '\n2,b\n3,"' + "y\n" * 40 + "4,d\n")

    assert [event.sku for event in events(rows)] == ["2", "4"]
    assert (2, "longer than 60 characters; is a quote not closed?") in bad(rows)


def test_rows_without_an_id_are_bad_and_name_no_product(tmp_path: Path) -> None:
    rows = csv(tmp_path, "sku,title\n,no id\n2,b\n")

    assert rows[0] == BadRow(2, "sku: Field required")
    assert [event.sku for event in events(rows)] == ["2"]


def test_a_row_with_a_fault_elsewhere_still_names_its_product(tmp_path: Path) -> None:
    (row,) = csv(tmp_path, "sku,price\n9,cheap\n")

    assert row == BadRow(2, "price: 'cheap' is no amount with a currency, as in '12.00 USD'", "acme:9")


def test_a_row_whose_columns_are_shifted_names_no_product(tmp_path: Path) -> None:
    (row,) = csv(tmp_path, "sku,title\n9,a,b\n")

    assert row == BadRow(2, "3 columns instead of 2")


def test_ten_thousand_columns_are_refused(tmp_path: Path) -> None:
    wide = ",".join(f"c{number}" for number in range(9_999))

    with pytest.raises(FeedInvalid, match="line 1, the header: 10000 columns, more than 1000"):
        csv(tmp_path, f"sku,{wide}\n1,{wide}\n")


def test_a_row_of_ten_thousand_columns_is_bad(tmp_path: Path) -> None:
    rows = csv(tmp_path, "sku,title\n1" + "," * 9_999 + "x\n2,b\n")

    assert bad(rows) == [(2, "10000 columns instead of 2")]
    assert [event.sku for event in events(rows)] == ["2"]


def test_image_lists_lose_their_blanks(tmp_path: Path) -> None:
    rows = csv(tmp_path, "sku,image_urls\n1,  https://a.example/1.jpg   https://a.example/2.jpg \n2,   \n3,\n")

    assert [event.image_urls for event in events(rows)] == [
        ("https://a.example/1.jpg", "https://a.example/2.jpg"),
        (),
        (),
    ]


def test_a_nul_makes_a_row_bad(tmp_path: Path) -> None:
    rows = csv(tmp_path, "sku,title\n1,a\0b\n2,b\n")

    assert [line for line, reason in bad(rows) if reason.startswith("a NUL character")] == [2]
    assert [event.sku for event in events(rows)] == ["2"]


def test_delete_rows_come_by_their_event_type_or_by_a_column_and_value(tmp_path: Path) -> None:
    by_type = csv(tmp_path, "sku,event_type\n1,delete\n2,\n3,UPSERT\n")
    by_value = csv(tmp_path, "sku,status\n1,gone\n2,here\n", deleted_when=DeletedWhen("status", "gone"))

    deleted, kept = EventType.DELETE, EventType.UPSERT
    assert [event.event_type for event in events(by_type)] == [deleted, kept, kept]
    assert [event.event_type for event in events(by_value)] == [deleted, kept]


def test_the_column_of_deletions_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(FeedInvalid, match="no columns 'status'"):
        csv(tmp_path, "sku\n1\n", deleted_when=DeletedWhen("status", "gone"))


def test_options_of_another_format_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FeedInvalid, match="--delimiter is for csv, google-merchant, shopify-csv, not for jsonl"):
        read(tmp_path, "{}", Format.JSONL, Reading(delimiter=";"))
