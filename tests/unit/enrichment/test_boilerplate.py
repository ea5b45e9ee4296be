# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.enrichment import boilerplate as module
from consumer.enrichment.boilerplate import MAX_VENDORS, MIN_PRODUCTS, WINDOW, Boilerplate
from consumer.events import EventType, ProductEvent

SHIPPING = "Free shipping on all orders over fifty dollars!"


def product(sku: int, vendor: str = "acme", group: str | None = None) -> ProductEvent:
    return ProductEvent(
        "e1", EventType.UPSERT, vendor, str(sku), 1, datetime(2026, 1, 1, tzinfo=UTC), item_group_id=group
    )


def own(sku: int) -> str:
    return f"A shirt of a kind that only number {sku} is."


def seen(count: int, *sentences: str, vendor: str = "acme") -> Boilerplate:
    boilerplate = Boilerplate()
    for sku in range(count):
        boilerplate.own_sentences(product(sku, vendor), (f"{own(sku)} {' '.join(sentences)}",))
    return boilerplate


def test_a_sentence_on_most_products_is_left_out_and_the_product_s_own_stay() -> None:
    boilerplate = seen(MIN_PRODUCTS, SHIPPING)

    kept = boilerplate.own_sentences(product(99), (f"{own(99)} {SHIPPING}", "Two pockets."))

    assert kept == (own(99), "Two pockets.")


def test_lines_without_boilerplate_come_back_as_they_were() -> None:
    lines = (f"{own(99)} And more.", "Two pockets.")

    assert seen(MIN_PRODUCTS, SHIPPING).own_sentences(product(99), lines) == lines


def test_one_product_fewer_is_not_enough() -> None:
    assert seen(MIN_PRODUCTS - 1, SHIPPING).own_sentences(product(99), (SHIPPING,)) == (SHIPPING,)


def test_a_sentence_on_less_than_half_of_the_products_stays() -> None:
    boilerplate = seen(MIN_PRODUCTS, SHIPPING)
    for sku in range(100, 101 + MIN_PRODUCTS):
        boilerplate.own_sentences(product(sku), (own(sku),))

    assert boilerplate.own_sentences(product(99), (SHIPPING,)) == (SHIPPING,)


def test_short_facts_stay_however_many_products_share_them() -> None:
    assert seen(50, "Regular fit.").own_sentences(product(99), ("Regular fit.",)) == ("Regular fit.",)


def test_a_redone_event_counts_once_and_not_against_itself() -> None:
    boilerplate = seen(MIN_PRODUCTS - 1, SHIPPING)

    answers = {boilerplate.own_sentences(product(99), (SHIPPING,)) for _ in range(5 * MIN_PRODUCTS)}

    assert answers == {(SHIPPING,)}


def test_variants_of_one_item_group_count_as_one_product() -> None:
    boilerplate = Boilerplate()

    answers = {
        boilerplate.own_sentences(product(sku, group="g1"), ("Made of soft cotton, with two deep pockets.",))
        for sku in range(5 * MIN_PRODUCTS)
    }

    assert len(answers) == 1


def test_vendors_do_not_speak_for_each_other() -> None:
    assert seen(50, SHIPPING, vendor="other").own_sentences(product(99), (SHIPPING,)) == (SHIPPING,)


def test_a_sentence_that_the_vendor_gave_up_is_forgotten() -> None:
    boilerplate = seen(50, SHIPPING)
    for sku in range(1000, 1000 + WINDOW):
        boilerplate.own_sentences(product(sku), (own(sku),))

    assert boilerplate.own_sentences(product(99), (SHIPPING,)) == (SHIPPING,)


@pytest.mark.parametrize(
    ("sentence", "lines"),
    [
        ("全品送料無料でお届けします。", ("綿のシャツです。全品送料無料でお届けします。",)),
        ("Бесплатная доставка по всей стране!", ("Рубашка из хлопка. Бесплатная доставка по всей стране!",)),
        (SHIPPING, ("A shirt", SHIPPING)),
    ],
)
def test_sentences_end_in_every_script_and_with_the_line(sentence: str, lines: tuple[str, ...]) -> None:
    kept = seen(20, sentence).own_sentences(product(99), lines)

    assert len(kept) == 1
    assert kept[0] in "".join(lines)


def test_memory_is_bounded_under_a_flood_of_vendors_and_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_VENDORS", MAX_VENDORS // 60)
    boilerplate = Boilerplate()
    tracemalloc.start()
    for vendor in range(2 * module.MAX_VENDORS):
        for sku in range(WINDOW + 20):
            lines = tuple(f"{vendor} {sku} {line} of a sentence that nobody else has." for line in range(15))
            boilerplate.own_sentences(product(sku, str(vendor)), lines)
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()

    print(f"{used / module.MAX_VENDORS / 1000:.0f} kB a vendor")
    assert used < 200_000 * module.MAX_VENDORS


@given(st.lists(st.tuples(st.integers(0, 15), st.lists(st.sampled_from([SHIPPING, *map(own, range(3))]))), max_size=80))
def test_only_whole_sentences_go_and_their_order_stays(events: list[tuple[int, list[str]]]) -> None:
    boilerplate = Boilerplate()

    for sku, sentences in events:
        kept = boilerplate.own_sentences(product(sku), tuple(sentences))

        remaining = iter(sentences)
        assert all(sentence in remaining for sentence in kept)
        assert {sentence for sentence in sentences if sentence not in kept}.isdisjoint(kept)
