# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.enrichment.text import _PLAIN, MAX_CHARACTERS, CleanText, _in_lines, _repair, clean


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
        (f"<STYLE type=a>{'p { color: red } ' * 90}</STYLE >Shirt", "Shirt", ("html",)),
        ("Shirt <!-- never closed", "Shirt <!-- never closed", ()),
        ("Shirt <script>never closed", "Shirt never closed", ("html",)),
        ("<!DOCTYPE html><my-tag>Shirt", "Shirt", ("html",)),
        ("&lt;b&gt;Red&lt;/b&gt; shirt", "Red shirt", ("html",)),
        ("<\u200bb>Red shirt", "Red shirt", ("html", "control")),
        ("CafÃ© Noir", "Café Noir", ("encoding_repaired",)),
        ("schÃ¶ne Bluse, grÃ¼n", "schöne Bluse, grün", ("encoding_repaired",)),
        ("schöne Bluse", "schöne Bluse", ()),
        ("Caf&Atilde;&copy;", "Café", ("html", "encoding_repaired")),
        ("T\x00-\ufeffSh\u200birt \ud800", "T-Shirt", ("control",)),
        ("\u202eder\u202c shirt \u2067x\u2069", "der shirt x", ("control",)),
        ("Red\U000e0041\U000e0042 shirt", "Red shirt", ("control",)),
        ("\u0645\u06cc\u200c\u062e\u0648", "\u0645\u06cc\u062e\u0648", ()),
        ("{{ title }} {0} %s ${price}", "{{ title }} {0} %s ${price}", ()),
        ("пальто 女士 ワンピース", "пальто 女士 ワンピース", ()),
    ],
)
def test_text_is_repaired_and_each_repair_has_its_flag(dirty: str, text: str, flags: tuple[str, ...]) -> None:
    cleaned = clean(dirty)

    assert (cleaned.text, cleaned.flags) == (text, flags)


def test_blocks_of_html_and_line_breaks_begin_lines_and_other_tags_do_not() -> None:
    cleaned = clean("<p>Soft <b>cotton</b> shirt</p><ul><li>Washable</li>\n\n<LI>Two<br/>pockets</ul>")

    assert cleaned == CleanText(("Soft cotton shirt", "Washable", "Two", "pockets"), ("html",))


def test_no_more_is_kept_than_the_limit_and_the_rest_is_flagged() -> None:
    assert clean("shirt " * 100, 20) == CleanText(("shirt shirt shirt sh",), ("truncated",))
    assert clean("shirt", 5) == CleanText(("shirt",), ())


def test_markup_does_not_count_towards_the_limit() -> None:
    assert clean('<span style="color:red">A</span> shirt', 7) == CleanText(("A shirt",), ("html",))


UNITS = (
    "x",
    "Ã©",
    "<b>",
    "<",
    "&amp;",
    "<!--",
    "<script>",
    "<script></style>",
    "<style><!--",
    "\u200b",
    "\ud800",
    "{{",
)


@pytest.mark.parametrize("unit", UNITS)
def test_five_megabytes_cost_no_more_than_the_cap(unit: str) -> None:
    text = unit * (5_000_000 // len(unit))
    started = time.process_time()

    cleaned = clean(text)

    assert time.process_time() - started < 0.5
    assert "truncated" in cleaned.flags
    assert len(cleaned.text) <= MAX_CHARACTERS


LETTERS = ("Ã", "©", "Â", "\xa0", "\x80", "é", "女", "b", "p", "\n", " ", "\u200b", "\ud800")
MARKUP = ("&", "amp;", "lt;", "#60;", "<", ">", "/", "<script", "</script>", "<!--", "-->")
NESTED = st.lists(st.sampled_from(LETTERS + MARKUP), max_size=40).map("".join)


@given(NESTED | st.text(), st.integers(1, 60))
def test_what_comes_out_needs_no_repair_and_keeps_to_the_limit(text: str, limit: int) -> None:
    once = clean(text, limit)

    again = clean("\n".join(once.lines), limit)

    assert again == CleanText(once.lines, ())
    assert len(once.text) <= limit
    assert all(line and line == " ".join(line.split()) for line in once.lines)


def test_what_is_taken_for_plain_needs_no_repair() -> None:
    letters = "a .-&<\néßÃÉ\u2019\u201c\u2014\u2026€»ёСтЩАαΩΆאبंไ女ア한\u061c\u200b\u3000\x85"
    texts = ["".join(picked) for picked in product(letters, repeat=3)]
    plain = [text for text in texts if _PLAIN.fullmatch(text)]
    needed: set[str] = set()

    assert len(plain) > len(texts) / 10
    assert [text for text in plain if _repair(text, needed) != _in_lines(text)] == []
    assert needed == set()


@given(st.text())
def test_the_same_text_gives_the_same_repairs(text: str) -> None:
    assert clean(text) == clean(text)
