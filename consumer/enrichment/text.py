# SPDX-License-Identifier: Apache-2.0
"""A vendor's text as the model should read it, in training and in serving; the event keeps the raw text."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

import ftfy

#: The model reads some hundred characters; the cap bounds the cost of everything below for a text of any size.
MAX_CHARACTERS = 8_000

#: `&amp;eacute;` is common, deeper nesting is not.
_ENTITY_ROUNDS = 3

# With the semicolon only: "Black&Tan" and "H&M" are names, although HTML would forgive the missing semicolon.
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_TAG = re.compile(
    r"<(script|style)\b.{0,500}?</\1\s*>|<!--.{0,500}?-->|</?[A-Za-z][^<>]{0,500}>", re.DOTALL | re.IGNORECASE
)

# Controls but white space, soft hyphen, zero-width and direction marks, byte order mark, lone surrogates.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


@dataclass(frozen=True, slots=True)
class CleanText:
    """The repaired text, and the stable names of the repairs that were needed."""

    text: str
    flags: tuple[str, ...]


def clean(text: str) -> CleanText:
    """One line without tags, entities, mojibake and invisible characters, of at most `MAX_CHARACTERS`.

    Flags: `truncated`, `html`, `encoding_repaired`, `control`. White space is joined without a flag.
    """
    # Cut first: the repairs cost time in proportion to what is left.
    capped = text[:MAX_CHARACTERS]
    plain = _without_markup(capped)
    # Before the invisible characters go: those of the C1 range are often half of a broken letter.
    repaired = ftfy.fix_encoding(plain)
    visible = _INVISIBLE.sub("", repaired)
    repairs = {
        "truncated": capped != text,
        "html": plain != capped,
        "encoding_repaired": repaired != plain,
        "control": visible != repaired,
    }
    return CleanText(" ".join(visible.split()), tuple(flag for flag, was_needed in repairs.items() if was_needed))


def _without_markup(text: str) -> str:
    for _ in range(_ENTITY_ROUNDS):
        text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    return _TAG.sub(" ", text)
