# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triton_models.training.corpus import hash_photos
from triton_models.training.datasets import FASHION_PRODUCT_IMAGES, LabelledProduct, Photo, read_folder
from triton_models.training.split import Split, cleaned_title, families, split_products

if TYPE_CHECKING:
    from collections.abc import Iterator

ARCHIVE = Path("a.zip")


def product(product_id: str, group: str = "", title: str = "", photo: str = "") -> LabelledProduct:
    photos = (Photo(ARCHIVE, photo),) if photo else ()
    return LabelledProduct(FASHION_PRODUCT_IMAGES, product_id, group, title, {}, photos)


def split_by_id(products: list[LabelledProduct], hashes: dict[Photo, str] | None = None) -> dict[str, Split]:
    splits = split_products(products, hashes or {})
    return {products[row].id: split for split, rows in splits.items() for row in rows}


def test_products_of_one_group_stay_together() -> None:
    products = [product(str(number), group=str(number // 10)) for number in range(500)]

    where = split_by_id(products)

    assert all(where[str(number)] is where[str(number // 10 * 10)] for number in range(500))
    assert set(where.values()) == set(Split)


def test_titles_that_differ_in_case_and_punctuation_join_two_groups() -> None:
    products = [product("1", "a", "Nike Men's Tee"), product("2", "b", "nike men s TEE!"), product("3", "c", "Other")]

    names = families(products, {})

    assert names[0] == names[1] != names[2]


def test_equal_photos_join_two_groups() -> None:
    products = [product("1", "a", photo="1.jpg"), product("2", "b", photo="2.jpg")]
    same = {Photo(ARCHIVE, "1.jpg"): "ff", Photo(ARCHIVE, "2.jpg"): "ff"}

    assert len(set(families(products, same))) == 1


def test_empty_titles_and_empty_groups_join_nothing() -> None:
    assert len(set(families([product("1"), product("2"), product("3", title="?")], {}))) == 3


def test_a_chain_of_shared_traits_is_one_family() -> None:
    products = [product("1", "a", "x"), product("2", "b", "y"), product("3", "a", "z"), product("4", "b", "z")]

    assert len(set(families(products, {}))) == 1


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["", "red tee", "Red-Tee", "blue", "dress"])), max_size=40)
)
def test_added_rows_of_new_families_move_nothing(traits: list[tuple[int, str]]) -> None:
    products = [product(str(row), f"g{group}", title) for row, (group, title) in enumerate(traits)]
    added = [product(f"new{number}", f"new{number}", f"new title {number}") for number in range(20)]

    before = split_by_id(products)
    after = split_by_id([*added, *products])

    assert {key: after[key] for key in before} == before


def test_shares_are_those_of_the_design() -> None:
    where = split_by_id([product(str(number), group=str(number)) for number in range(20_000)])

    shares = {split: sum(found is split for found in where.values()) / len(where) for split in Split}

    assert shares[Split.TRAIN] == pytest.approx(0.80, abs=0.01)
    assert shares[Split.VALIDATION] == pytest.approx(0.07, abs=0.01)
    assert shares[Split.CALIBRATION] == pytest.approx(0.06, abs=0.01)
    assert shares[Split.TEST] == pytest.approx(0.07, abs=0.01)


def traits(one: LabelledProduct, hashes: dict[Photo, str]) -> Iterator[tuple[str, str]]:
    yield "group", f"{one.dataset}/{one.group}"
    if title := cleaned_title(one.title):
        yield "title", title
    for photo in one.photos:
        yield "photo", hashes[photo]


@pytest.mark.data
@pytest.mark.gate(1)
def test_no_group_no_photo_and_no_title_of_both_data_sets_crosses_a_boundary(data_folder: Path) -> None:
    catalogue = read_folder(data_folder / "fashion-product-images").products
    products = [*catalogue, *read_folder(data_folder / "clothing-dataset").products]
    hashes = hash_photos(products)

    splits = split_products(products, hashes)

    seen = {split: {trait for row in rows for trait in traits(products[row], hashes)} for split, rows in splits.items()}
    assert sum(len(rows) for rows in splits.values()) == len(products) > 35_000
    for one in Split:
        for other in Split:
            assert one is other or not seen[one] & seen[other]
    # A folder evaluated alone has the same test split as both together.
    alone = split_products(catalogue, hashes)
    for split, rows in alone.items():
        assert rows == tuple(row for row in splits[split] if row < len(catalogue))


@pytest.mark.data
def test_the_largest_sender_leaves_no_split_without_a_label(data_folder: Path) -> None:
    products = read_folder(data_folder / "clothing-dataset").products

    splits = split_products(products, hash_photos(products))

    for label in ("T-Shirt", "Longsleeve", "Pants", "Shoes", "Shirt", "Dress", "Outwear", "Shorts", "Hat", "Skirt"):
        for split, rows in splits.items():
            assert sum(products[row].labels.get("label") == label for row in rows) >= 2, (label, split)
