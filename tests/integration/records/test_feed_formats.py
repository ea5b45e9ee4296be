# SPDX-License-Identifier: Apache-2.0
"""One small file of each format, from the command to the topic."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from consumer.cli import app

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.settings import TopicSettings

pytestmark = [pytest.mark.kafka, pytest.mark.usefixtures("broker")]

MAPPING = """
[fields]
sku = "id"
title = "name"
image_urls = "pictures"

[constants]
brand = "Acme"

[lists]
image_urls = "|"
"""

CSV = "id;name;pictures\n1;Navy shirt;https://a.example/1.jpg|https://a.example/2.jpg\n2;Grüner Rock;\n;nameless;\n"

TSV = (
    "id\ttitle\timage_link\tprice\tcolor\n1\tNavy shirt\thttps://a.example/1.jpg\t12.00 USD\tNavy\n"
    "2\tGrüner Rock\t\t\t\n\tnameless\t\t\t\n"
)

RSS = """<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>
<item><g:id>1</g:id><title>Navy shirt</title><g:image_link>https://a.example/1.jpg</g:image_link></item>
<item><g:id>2</g:id><title>Grüner Rock</title></item>
<item><title>nameless</title></item>
</channel></rss>"""

SHOPIFY = """Handle,Title,Vendor,Option1 Name,Option1 Value,Variant SKU,Image Src
shirt,Navy shirt,Acme,Size,M,1,https://a.example/1.jpg
shirt,,,,L,3,https://a.example/2.jpg
rock,Grüner Rock,Acme,Title,Default Title,2,
,nameless,,,,,
"""

JSONL = '{"sku": "1", "title": "Navy shirt"}\n{"sku": "2", "title": "Grüner Rock"}\n{"title": "nameless"}\n'


def command(*arguments: object) -> tuple[int, list[dict[str, Any]]]:
    result = CliRunner().invoke(app, [*map(str, arguments), "--output", "json"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize(
    ("file_format", "content", "bad_line"),
    [
        ("csv", CSV, 4),
        ("google-merchant", TSV, 4),
        ("google-merchant", RSS, 4),
        ("shopify-csv", SHOPIFY, 5),
        ("jsonl", JSONL, 3),
    ],
    ids=["csv", "tsv", "rss", "shopify", "jsonl"],
)
def test_the_good_rows_of_a_packed_file_arrive_and_the_bad_one_is_named(
    topics: TopicSettings, tmp_path: Path, file_format: str, content: str, bad_line: int
) -> None:
    file, mapping = tmp_path / "feed.gz", tmp_path / "mapping.toml"
    file.write_bytes(gzip.compress(content.encode()))
    mapping.write_text(MAPPING)
    options = ["--mapping", mapping] if file_format == "csv" else []

    status, (counts,) = command("feed", "push", file, "--format", file_format, "--vendor", "acme", *options)
    _, records = command("events", "tail", "--topic", topics.events)

    titles = {record["key"]: record["value"]["title"] for record in records}
    assert status == 3
    assert [row["line"] for row in counts["bad_rows"]] == [bad_line]
    assert titles == {"acme:1": "Navy shirt", "acme:2": "Grüner Rock"} | (
        {"acme:3": "Navy shirt"} if file_format == "shopify-csv" else {}
    )
    assert counts["events"] == len(records) == len(titles)
