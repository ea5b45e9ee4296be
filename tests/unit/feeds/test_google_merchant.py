# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from consumer.errors import FeedInvalid
from consumer.events import Price
from consumer.feeds import merchant_xml
from consumer.feeds.formats import Format
from consumer.feeds.reading import Reading
from consumer.feeds.rows import BadRow, EventRow
from tests.unit.feeds.reading import bad, events, read

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.events import ProductEvent

RSS = """<?xml version="1.0" encoding="{encoding}"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0">
<channel>
<title>Café Acme</title>
<link>https://acme.example</link>
{items}
</channel>
</rss>
"""

SHIRT = """<item>
<g:id>S-1</g:id>
<title>Navy shirt &amp; tie</title>
<description><![CDATA[Linen <b>shirt</b>]]></description>
<link>https://acme.example/s-1</link>
<g:image_link>https://acme.example/1.jpg</g:image_link>
<g:additional_image_link>https://acme.example/2.jpg</g:additional_image_link>
<g:additional_image_link> https://acme.example/3,b.jpg </g:additional_image_link>
<g:additional_image_link></g:additional_image_link>
<g:price>12.00 USD</g:price>
<g:availability>in stock</g:availability>
<g:shipping><g:country>US</g:country><g:price>3 USD</g:price></g:shipping>
<g:google_product_category>1604</g:google_product_category>
<g:product_type>Men &gt; Shirts</g:product_type>
<g:brand>Acme</g:brand>
<g:item_group_id>S</g:item_group_id>
<g:gender>male</g:gender>
<g:age_group>adult</g:age_group>
<g:color>Navy/White</g:color>
<g:material>linen</g:material>
<g:pattern>plain</g:pattern>
<g:size>M</g:size>
</item>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">
<title>Acme</title><id>tag:acme.example,2026:feed</id>
<entry>
<id>tag:acme.example,2026:1</id>
<g:id>A-1</g:id>
<title>Red dress</title>
<link href="https://acme.example/a-1"/>
<summary>Wrap dress</summary>
</entry>
</feed>"""

HEADER = "id\ttitle\tImage Link\tg:additional_image_link\tprice\tproduct_type\tcolor\tavailability\n"


def merchant(folder: Path, content: bytes | str, **reading: str) -> list[EventRow | BadRow]:
    return read(folder, content, Format.GOOGLE_MERCHANT, Reading(**reading))  # type: ignore[arg-type]


def rss(*items: str, encoding: str = "utf-8") -> bytes:
    return RSS.format(encoding=encoding, items="\n".join(items)).encode(encoding)


def item(number: int, extra: str = "") -> str:
    return f"<item><g:id>{number}</g:id><g:title>Shirt {number}</g:title>{extra}</item>"


def only(rows: list[EventRow | BadRow]) -> ProductEvent:
    (event,) = events(rows)
    return event


def test_an_rss_item_becomes_an_event(tmp_path: Path) -> None:
    (row,) = merchant(tmp_path, rss(SHIRT))

    assert isinstance(row, EventRow)
    assert (row.line, row.columns_ignored) == (6, 2)
    event = row.event
    assert (event.key, event.title, event.description) == ("acme:S-1", "Navy shirt & tie", "Linen <b>shirt</b>")
    assert (event.brand, event.item_group_id, event.product_url) == ("Acme", "S", "https://acme.example/s-1")
    assert event.image_urls == tuple(f"https://acme.example/{name}.jpg" for name in ("1", "2", "3,b"))
    assert event.price == Price(Decimal("12.00"), "USD")
    assert event.vendor_category == "1604"
    assert event.vendor_attributes == {
        "gender": "male",
        "age_group": "adult",
        "color": "Navy/White",
        "material": "linen",
        "pattern": "plain",
        "size": "M",
        "product_type": "Men > Shirts",
    }


def test_an_atom_entry_becomes_an_event_and_its_own_id_is_not_the_products(tmp_path: Path) -> None:
    event = only(merchant(tmp_path, ATOM))

    assert (event.sku, event.title, event.description) == ("A-1", "Red dress", "Wrap dress")
    assert event.product_url == "https://acme.example/a-1"


def test_the_vendors_own_category_stands_in_for_googles(tmp_path: Path) -> None:
    event = only(merchant(tmp_path, rss(item(1, "<g:product_type>Shirts</g:product_type>"))))

    assert (event.vendor_category, event.vendor_attributes) == ("Shirts", {})


def test_tab_separated_rows_become_the_same(tmp_path: Path) -> None:
    rows = merchant(
        tmp_path,
        HEADER + "1\tNavy shirt\thttps://a.example/1.jpg\thttps://a.example/2.jpg, ,https://a.example/3.jpg,\t"
        '12 USD\tShirts\tNavy\tin stock\n2\t"A ""good"" one"\t\t\t\t\t\t\n',
    )

    shirt, other = events(rows)
    assert (shirt.sku, shirt.title, shirt.vendor_category) == ("1", "Navy shirt", "Shirts")
    assert shirt.image_urls == ("https://a.example/1.jpg", "https://a.example/2.jpg", "https://a.example/3.jpg")
    assert shirt.price == Price(Decimal(12), "USD")
    assert shirt.vendor_attributes == {"color": "Navy"}
    assert (other.title, other.image_urls, other.price) == ('A "good" one', (), None)


def test_a_product_without_an_id_is_bad_in_either_form(tmp_path: Path) -> None:
    in_xml = merchant(tmp_path, rss(item(1), "<item><g:title>x</g:title></item>", item(3)))
    in_table = merchant(tmp_path, HEADER + "\tx\t\t\t\t\t\t\n3\ty\t\t\t\t\t\t\n")

    assert bad(in_xml) == [(7, "it has no id")]
    assert [event.sku for event in events(in_xml)] == ["1", "3"]
    assert bad(in_table) == [(2, "it has no id")]
    assert [event.sku for event in events(in_table)] == ["3"]


def test_a_price_that_is_none_is_bad_and_names_its_product(tmp_path: Path) -> None:
    (row,) = merchant(tmp_path, rss(item(1, "<g:price>12,00</g:price>")))

    assert row == BadRow(6, "price: '12,00' is no amount with a currency, as in '12.00 USD'", "acme:1")


def test_a_table_without_ids_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FeedInvalid, match="no column 'id'"):
        merchant(tmp_path, "sku\ttitle\n1\tx\n")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_xml_says_its_encoding_itself(tmp_path: Path, encoding: str) -> None:
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    content = RSS.format(encoding=declared, items=item(1, "<g:color>Grün</g:color>")).encode(encoding)

    assert only(merchant(tmp_path, content)).vendor_attributes == {"color": "Grün"}


def test_options_of_tables_are_refused_for_xml(tmp_path: Path) -> None:
    with pytest.raises(FeedInvalid, match="the file is XML"):
        merchant(tmp_path, rss(item(1)), delimiter=",")


BOMB = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha"}">' for n in range(10))


@pytest.mark.parametrize(
    "doctype",
    [
        f"<!DOCTYPE rss [{BOMB}]>",
        '<!DOCTYPE rss [<!ENTITY e9 SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE rss SYSTEM "http://127.0.0.1:1/rss.dtd">',
        '<!DOCTYPE rss [<!ENTITY % p SYSTEM "http://127.0.0.1:1/p"> %p;]>',
    ],
)
def test_a_document_type_is_refused_before_any_entity_could_expand(tmp_path: Path, doctype: str) -> None:
    content = doctype + rss(item(1), item(2, "<g:color>&e9;</g:color>")).decode().partition("?>")[2]

    with pytest.raises(FeedInvalid, match="declares a document type, where entities could hide a bomb"):
        merchant(tmp_path, content)


@pytest.mark.parametrize("rest", ["<item><g:id>3</g:id>", "<item><g:id>3</item>", "<item>&nbsp;</item>", "\x01"])
def test_xml_that_breaks_off_gives_the_products_before_and_then_says_so(tmp_path: Path, rest: str) -> None:
    content = rss(item(1), item(2)).decode().partition("</channel>")[0] + rest

    rows = merchant(tmp_path, content)

    assert [event.sku for event in events(rows)] == ["1", "2"]
    assert [reason.partition(":")[0] for _, reason in bad(rows)] in (
        ["no XML from line 8 on"],
        ["no XML from line 9 on"],
    )


def test_an_endless_item_is_bad_and_the_next_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merchant_xml, "MAX_ITEM_CHARACTERS", 1_000)

    rows = merchant(tmp_path, rss(item(1), item(2, f"<g:color>{'x' * 5_000}</g:color>"), item(3)))

    assert [event.sku for event in events(rows)] == ["1", "3"]
    assert bad(rows) == [(7, "longer than 1000 characters")]


def test_an_endless_tag_ends_the_feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merchant_xml, "MAX_SILENT_BYTES", 100_000)

    rows = merchant(tmp_path, rss(item(1), f'<item><g:id x="{"y" * 500_000}">2</g:id></item>', item(3)))

    assert [event.sku for event in events(rows)] == ["1"]
    assert bad(rows) == [(7, "a tag is longer than 100000 bytes")]


def test_tags_without_end_inside_each_other_end_the_feed(tmp_path: Path) -> None:
    rows = merchant(tmp_path, rss(item(1), "<a>" * 100_000))

    assert [event.sku for event in events(rows)] == ["1"]
    assert bad(rows) == [(7, "tags are more than 64 deep")]
