# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.enrichment.text import MAX_CHARACTERS, CleanText, clean


@pytest.mark.parametrize(
    ("dirty", "text", "flags"),
    [
        ("Women Red Dress", "Women Red Dress", ()),
        ("", "", ()),
        ("  two\n lines\t", "two lines", ()),
        ("Women&#39;s <b>Red</b> Dress", "Women's Red Dress", ("html",)),
        ("&amp;eacute;t&amp;eacute;", "été", ("html",)),
        ("H&M Black&Tan size < 5", "H&M Black&Tan size < 5", ()),
        ("Shirt<script>alert('x')</script><!-- cheap -->", "Shirt", ("html",)),
        ("CafÃ© Noir", "Café Noir", ("encoding_repaired",)),
        ("schÃ¶ne Bluse, grÃ¼n", "schöne Bluse, grün", ("encoding_repaired",)),
        ("schöne Bluse", "schöne Bluse", ()),
        ("Caf&Atilde;&copy;", "Café", ("html", "encoding_repaired")),
        ("T\x00-\ufeffSh\u200birt \ud800", "T-Shirt", ("control",)),
    ],
)
def test_text_is_repaired_and_each_repair_has_its_flag(dirty: str, text: str, flags: tuple[str, ...]) -> None:
    assert clean(dirty) == CleanText(text, flags)


@pytest.mark.parametrize("unit", ["x", "Ã©", "<b>", "&amp;", "<!--", "<script>", "\u200b"])
def test_five_megabytes_cost_no_more_than_the_cap(unit: str) -> None:
    text = unit * (5_000_000 // len(unit))
    started = time.perf_counter()

    cleaned = clean(text)

    assert time.perf_counter() - started < 0.5
    assert "truncated" in cleaned.flags
    assert len(cleaned.text) <= MAX_CHARACTERS


@given(st.text())
def test_what_comes_out_needs_no_repair_but_for_nested_markup(text: str) -> None:
    once = clean(text)

    assert once.text == " ".join(once.text.split())
    assert "control" not in clean(once.text).flags
