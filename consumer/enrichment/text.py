# SPDX-License-Identifier: Apache-2.0
"""A vendor's text as the model should read it, in training and in serving; the event keeps the raw text."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

import ftfy

#: Characters that are kept where the caller sets no limit of its own: more than any model of ours reads.
MAX_CHARACTERS = 8_000

#: The names of the repairs, in the order in which they are told.
REPAIRS = ("truncated", "html", "encoding_repaired", "control")

#: Raw characters looked at for each that may be kept: page builders write several of markup for one of text. Bounds the
#: cost of everything below for a text of any size.
_MARKUP_SHARE = 8

#: One repair can bring the next to light (`&amp;eacute;`); nobody nests deeper by accident.
_ROUNDS = 6

# What needs no repair, which is most text; saves the search for mojibake, .4 microseconds a letter. Mojibake is a run
# of two letters or more beyond ASCII. So a single one is none, but for a capital before a blank, the half of a broken
# letter. Nor is a run of letters that no one-byte encoding has, or has as a second byte: Greek, Cyrillic, Semitic,
# Indic, Thai and East Asian ones.
_SCRIPTS = (
    "\u0390-\u03ce\u0410-\u044f\u05d0-\u05ea\u0620-\u064a\u0900-\u0dff\u0e01-\u0e5b\u3000-\u30ff\u4e00-\u9fff"
    "\uac00-\ud7a3"
)
_SINGLES = "\u00df-\u00ff\u00a9\u00ae\u00b0\u00ab\u00bb\u2013\u2014\u2018\u2019\u201c\u201d\u2022\u2026\u20ac\u2122"
_PLAIN = re.compile(
    rf"(?:[\t\n\r -%'-;=-~{_SCRIPTS}]++"
    rf"|(?<![^\x00-\x7f])(?:[{_SINGLES}](?![^\x00-\x7f])|[\u00c0-\u00de](?=[A-Za-z])))*+"
)

# With the semicolon only: "Black&Tan" and "H&M" are names, although HTML would forgive the missing semicolon.
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# Possessive: what is opened and not closed is read once, not again from each of its letters.
_TAG = re.compile(r"<[/!]?([A-Za-z][A-Za-z0-9]*+)[^<>]{0,500}+>")
_BLOCK = re.compile("br|dd|div|dl|dt|h[1-6]|hr|li|ol|p|table|td|th|tr|ul", re.IGNORECASE)
_MARKUP = re.compile("[&<>]")

# Scripts, style sheets and comments, which browsers do not show, and what closes each.
_HIDDEN = re.compile(r"<(?:(script|style)\b|!--)", re.IGNORECASE)
_CLOSING = {
    "script": re.compile(r"</script[^<>]{0,500}>", re.IGNORECASE),
    "style": re.compile(r"</style[^<>]{0,500}>", re.IGNORECASE),
    "": re.compile("-->"),
}

# Controls but white space, soft hyphen, zero-width, direction and byte order marks, lone surrogates, tag characters.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
# They are spelling in Persian and Hindi, so it is no repair that they go; the tokeniser reads over them anyway.
_JOINERS = re.compile("[\u200c\u200d]")


@dataclass(frozen=True, slots=True)
class CleanText:
    """The repaired text in the vendor's lines, and the stable names of the repairs that were needed."""

    lines: tuple[str, ...]
    """None is empty; a block of HTML begins a line."""
    flags: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it in one line."""
        return " ".join(self.lines)


def clean(text: str, limit: int = MAX_CHARACTERS) -> CleanText:
    """The text without tags, entities, mojibake and invisible characters, of at most `limit` characters.

    Flags are those of `REPAIRS`. White space is joined without a flag. What comes out needs no repair any more. A
    broken letter counts towards the limit as the two or three characters that it came as.
    """
    # Cut first, and again before the costly repairs: each costs time in proportion to what is left.
    capped = text[: limit * _MARKUP_SHARE]
    needed: set[str] = set()
    shown = _in_lines(_without_markup(capped, needed))
    if capped != text or len(shown) > limit:
        needed.add("truncated")
    repaired = _repair_fully(shown[:limit], needed)
    return CleanText(tuple(repaired.splitlines()), tuple(name for name in REPAIRS if name in needed))


def _repair_fully(text: str, needed: set[str]) -> str:
    for _ in range(_ROUNDS):
        if _PLAIN.fullmatch(text):
            return _in_lines(text)
        before, text = text, _repair(text, needed)
        if text == before:
            return text
    return _repair(_MARKUP.sub(" ", text), needed)


def _repair(text: str, needed: set[str]) -> str:
    """One round; the names of the repairs that changed something are added to `needed`."""
    plain = _without_markup(text, needed)
    # Before the invisible characters go: those of the C1 range are often half of a broken letter.
    decoded = ftfy.fix_encoding(plain)
    if decoded != plain:
        needed.add("encoding_repaired")
    visible = _INVISIBLE.sub("", decoded)
    if visible != decoded:
        needed.add("control")
    return _in_lines(_JOINERS.sub("", visible))


def _without_markup(text: str, needed: set[str]) -> str:
    unescaped = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    plain = _TAG.sub(lambda match: "\n" if _BLOCK.fullmatch(match[1]) else " ", _without_hidden(unescaped))
    if plain != text:
        needed.add("html")
    return plain


def _without_hidden(text: str) -> str:
    """What is opened and never closed stays: cutting it would cut the rest of the text."""
    kept: list[str] = []
    unclosed: set[str] = set()
    start = 0
    for opening in _HIDDEN.finditer(text):
        kind = (opening[1] or "").lower()
        if opening.start() < start or kind in unclosed:
            continue
        closing = _CLOSING[kind].search(text, opening.end())
        if closing is None:
            unclosed.add(kind)  # and is not searched for again: the cost stays linear
            continue
        kept += text[start : opening.start()], " "
        start = closing.end()
    return "".join((*kept, text[start:]))


def _in_lines(text: str) -> str:
    """No empty line, no white space but single blanks within a line."""
    return "\n".join(line for line in (" ".join(line.split()) for line in text.splitlines()) if line)
