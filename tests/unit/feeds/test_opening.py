# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import json
import random
from typing import TYPE_CHECKING

import pytest

from consumer.errors import FeedInvalid
from consumer.feeds.formats import Format
from consumer.feeds.reading import Reading
from tests.unit.feeds.reading import bad, events, read

if TYPE_CHECKING:
    from pathlib import Path

TABLE = "sku,title\n1,Café crème\n2,Größe\n"


@pytest.mark.parametrize(
    ("encoded", "encoding"),
    [
        (TABLE.encode(), None),
        (TABLE.encode("utf-8-sig"), None),
        (TABLE.encode("utf-16"), None),
        (b"\xfe\xff" + TABLE.encode("utf-16-be"), None),
        (TABLE.encode("cp1252"), "cp1252"),
        (TABLE.encode("utf-16-le"), "utf-16-le"),
        (TABLE.encode("utf-8-sig"), "UTF8"),
    ],
)
def test_encodings_are_told_by_their_mark_or_by_the_option(
    tmp_path: Path, encoded: bytes, encoding: str | None
) -> None:
    rows = read(tmp_path, encoded, Format.CSV, Reading(encoding=encoding))

    assert [event.title for event in events(rows)] == ["Café crème", "Größe"]


def test_a_wrong_byte_is_a_bad_row_and_no_mojibake(tmp_path: Path) -> None:
    rows = read(tmp_path, "sku,title\n1,plain\n2,café\n".encode("cp1252"), Format.CSV)

    assert [event.sku for event in events(rows)] == ["1"]
    assert bad(rows) == [(3, "the byte 0xe9 does not fit the encoding; --encoding names another")]


def test_a_wrong_byte_in_the_id_leaves_the_product_unnamed(tmp_path: Path) -> None:
    (row,) = read(tmp_path, "sku,title\né1,x\n".encode("cp1252"), Format.CSV)

    assert not events([row])
    assert getattr(row, "key", "") is None


def test_utf_16_without_its_mark_is_refused_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(FeedInvalid, match="the header: a NUL character; --encoding names another"):
        read(tmp_path, TABLE.encode("utf-16-le"), Format.CSV)


def test_utf_16_that_is_cut_ends_with_a_bad_row(tmp_path: Path) -> None:
    rows = read(tmp_path, TABLE.encode("utf-16")[:-1], Format.CSV)

    assert [event.sku for event in events(rows)] == ["1"]
    assert "the file cannot be read on" in bad(rows)[-1][1]


@pytest.mark.parametrize("encoding", ["latin-9000", "zip", "base64"])
def test_an_encoding_that_is_none_is_refused(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(FeedInvalid, match="no such encoding"):
        read(tmp_path, TABLE, Format.CSV, Reading(encoding=encoding))


@pytest.mark.parametrize("file_format", [Format.CSV, Format.JSONL])
def test_gzip_is_told_by_its_first_bytes(tmp_path: Path, file_format: Format) -> None:
    content = TABLE if file_format is Format.CSV else '{"sku": "1"}\n{"sku": "2"}\n'

    assert [event.sku for event in events(read(tmp_path, gzip.compress(content.encode()), file_format))] == ["1", "2"]


def test_gzip_that_is_cut_gives_the_rows_before_and_then_says_so(tmp_path: Path) -> None:
    letters = random.Random(7)  # so that it stays long
    lines = [json.dumps({"sku": str(n), "title": f"{letters.getrandbits(512):x}"}) for n in range(1, 3_001)]
    packed = gzip.compress("\n".join(lines).encode())

    rows = read(tmp_path, packed[: len(packed) // 2], Format.JSONL)

    skus = [event.sku for event in events(rows)]
    assert 1_000 < len(skus) < 2_000
    assert skus == [str(number) for number in range(1, len(skus) + 1)]
    assert bad(rows) == [(len(skus) + 1, "the file breaks off: its gzip stream has no end")]


def test_gzip_that_is_damaged_ends_with_a_bad_row(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(TABLE.encode()))
    packed[-6] ^= 0xFF

    rows = read(tmp_path, bytes(packed), Format.CSV)

    assert "the gzip stream is damaged" in bad(rows)[-1][1]
