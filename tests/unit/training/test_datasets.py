# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from consumer.errors import OptionInvalid
from triton_models.training.corpus import unknown_labels
from triton_models.training.datasets import CLOTHING_DATASET, FASHION_PRODUCT_IMAGES, PhotoArchive, read_folder

if TYPE_CHECKING:
    from pathlib import Path

STYLES = """id,group,gender,articleType,baseColour,productDisplayName,image_60x80
1,a,Men,Tshirts,Red,Acme Tee,1
,a,Men,Tshirts,Red,Acme Tee,1
3,,,Spacesuit,,,0
1,b,Men,Jeans,Blue,Acme Jeans,1
"""
IMAGES = """image,sender_id,label,kids
one,124,T-Shirt,False
two,,Not sure,True
"""


def write(folder: Path, table: str, text: str, archives: dict[str, list[str]]) -> Path:
    (folder / table).write_text(text, encoding="utf-8")
    for archive, members in archives.items():
        with zipfile.ZipFile(folder / archive, "w") as file:
            for member in members:
                file.writestr(member, member.encode())
    return folder


def test_rows_of_styles_carry_labels_group_and_the_small_photo_first(tmp_path: Path) -> None:
    archives = {"images_large.zip": ["1.jpg"], "images_60x80.zip": ["1.jpg", "9.jpg"]}
    read = read_folder(write(tmp_path, "styles.csv", STYLES, archives))

    first, third = read.products
    assert (first.dataset, first.id, first.group, first.title) == (FASHION_PRODUCT_IMAGES, "1", "a", "Acme Tee")
    assert first.labels == {"gender": "Men", "articleType": "Tshirts", "baseColour": "Red"}
    assert [photo.archive.name for photo in first.photos] == ["images_60x80.zip", "images_large.zip"]
    assert (third.labels, third.photo, third.group) == ({"articleType": "Spacesuit"}, None, "")


def test_bad_rows_are_named_and_the_others_go_on(tmp_path: Path) -> None:
    read = read_folder(write(tmp_path, "styles.csv", STYLES, {"a.zip": []}))

    assert [product.id for product in read.products] == ["1", "3"]
    assert [fault.partition("styles.csv ")[2] for fault in read.faults] == [
        "line 3: no id",
        "line 5: id 1 stands in an earlier line already",
    ]
    assert [fault.partition("styles.csv ")[2] for fault in unknown_labels(read)] == [
        "line 4: articleType 'Spacesuit' is unknown to the crosswalk"
    ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('2,b,Men,Jeans,Blue,"Acme" Jeans,1', "not quoted as CSV: ',' expected after '\"'"),
        ("2,b,Men,Jeans,Blue,Acme, Jeans,1", "8 columns instead of 7"),
        ("2,b,Men,Jeans", "4 columns instead of 7"),
        ("2" + "," * 9_999, "10000 columns instead of 7"),
    ],
)
def test_a_row_that_is_not_whole_is_named_and_the_next_go_on(tmp_path: Path, row: str, reason: str) -> None:
    text = f'{STYLES}{row}\n4,c,Men,Tshirts,Red,"Acme ""Tee"", red\nand white",1\n\n5,d,Men,Tshirts,Red,Tee,1\n6,d\n'

    read = read_folder(write(tmp_path, "styles.csv", text, {"a.zip": []}))

    assert [(product.id, product.line) for product in read.products] == [("1", 2), ("3", 4), ("4", 7), ("5", 10)]
    assert read.products[2].title == 'Acme "Tee", red\nand white'
    assert [fault.partition("styles.csv ")[2] for fault in read.faults[2:]] == [
        f"line 6: {reason}",
        "line 11: 2 columns instead of 7",
    ]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("Tshirts", "a quote is not closed"),
        ('Slim "Tshirts"', "not quoted as CSV: ',' expected after '\"'"),
        ('Slim "', "9 columns instead of 7"),
    ],
)
def test_rows_that_a_stray_quote_swallowed_are_read_again(tmp_path: Path, kind: str, reason: str) -> None:
    text = STYLES + f'2,b,Men,Jeans,Blue,"Acme,1\n4,c,Men,Tshirts,Red,Tee,1\n5,d,Men,{kind},Red,Tee,1\n'

    read = read_folder(write(tmp_path, "styles.csv", text, {"a.zip": []}))

    assert [product.id for product in read.products] == ["1", "3", "4", "5"]
    assert [fault.partition("styles.csv ")[2] for fault in read.faults[2:]] == [f"line 6: {reason}"]


def test_rows_of_images_are_grouped_by_sender_and_have_no_title(tmp_path: Path) -> None:
    read = read_folder(write(tmp_path, "images.csv", IMAGES, {"images.zip": ["images/one.jpg", "images/two.jpg"]}))

    one, two = read.products
    assert (one.dataset, one.key, one.group, one.title) == (
        CLOTHING_DATASET,
        "clothing-dataset/one",
        "clothing-dataset/124",
        "",
    )
    assert (one.labels, two.group) == ({"label": "T-Shirt", "kids": "False"}, "")
    assert one.photo is not None
    with PhotoArchive() as archive:
        assert archive.read(one.photo) == b"images/one.jpg"


@pytest.mark.parametrize(
    ("table", "text", "archives", "reason"),
    [
        ("other.csv", "id\n", {"a.zip": []}, "no styles.csv or images.csv"),
        ("styles.csv", "id,title\n1,x\n", {"a.zip": []}, "no column productDisplayName"),
        ("styles.csv", STYLES, {}, "no image archive"),
        ("images.csv", "sender_id\n1\n", {"a.zip": []}, "no column image"),
        ("images.csv", "", {"a.zip": []}, "no column image"),
        ("styles.csv", STYLES.replace(",", ";"), {"a.zip": []}, "no column id, productDisplayName"),
        ("styles.csv", 'id,"group\n1,x\n', {"a.zip": []}, "line 1, the header: a quote is not closed"),
        ("images.csv", "image," * 10_000 + "\n", {"a.zip": []}, "the header: 10001 columns, more than 1000"),
    ],
)
def test_a_folder_of_another_shape_is_refused(
    tmp_path: Path, table: str, text: str, archives: dict[str, list[str]], reason: str
) -> None:
    with pytest.raises(OptionInvalid, match=reason):
        read_folder(write(tmp_path, table, text, archives))


def test_a_broken_archive_is_refused_by_name(tmp_path: Path) -> None:
    folder = write(tmp_path, "styles.csv", STYLES, {})
    (folder / "images.zip").write_bytes(b"PK no")

    with pytest.raises(OptionInvalid, match=r"images\.zip cannot be read"):
        read_folder(folder)
