# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from consumer.bundle import Tokeniser


def pieces(tokeniser: Tokeniser, text: str) -> list[str]:
    tokens = tokeniser.encode(text)
    return [tokeniser.vocabulary[number] for number in tokens.input_ids[0, : int(tokens.attention_mask.sum())]]


def greedy(text: str, vocabulary: set[str]) -> list[str]:
    """The WordPiece rule written out: the longest piece first, for plain lower-case words."""
    found = []
    for word in text.split():
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            end = next(end for end in range(len(word), start, -1) if prefix + word[start:end] in vocabulary)
            found.append(prefix + word[start:end])
            start = end
    return found


@pytest.mark.parametrize("text", ["navy blue", "tshirt", "t shirt blues", "bluenavy"])
def test_words_are_split_by_the_longest_known_piece(vocabulary: tuple[str, ...], text: str) -> None:
    tokeniser = Tokeniser(vocabulary, 16)

    assert pieces(tokeniser, text) == ["[CLS]", *greedy(text, set(vocabulary)), "[SEP]"]


def test_case_accents_and_punctuation_are_handled_as_bert_does(vocabulary: tuple[str, ...]) -> None:
    tokeniser = Tokeniser(vocabulary, 16)

    assert pieces(tokeniser, "NAVY T-Shirt, blüe") == [*("[CLS]", "navy", "t", "-", "shirt", ",", "blue", "[SEP]")]


def test_every_text_has_the_one_length_and_a_matching_mask(vocabulary: tuple[str, ...]) -> None:
    tokens = Tokeniser(vocabulary, 16).encode("navy shirt")

    assert tokens.input_ids.shape == tokens.attention_mask.shape == (1, 16)
    assert tokens.attention_mask.tolist() == [[1] * 4 + [0] * 12]
    assert not tokens.input_ids[0, 4:].any()
    assert not tokens.is_truncated


def test_an_empty_text_still_has_tokens(vocabulary: tuple[str, ...]) -> None:
    assert pieces(Tokeniser(vocabulary, 16), "") == ["[CLS]", "[SEP]"]


def test_a_long_text_is_cut_at_its_tail_and_says_so(vocabulary: tuple[str, ...]) -> None:
    tokeniser = Tokeniser(vocabulary, 5)

    assert not tokeniser.encode("navy blue shirt").is_truncated
    assert tokeniser.encode("navy blue shirt t").is_truncated
    assert pieces(tokeniser, "navy blue shirt t") == ["[CLS]", "navy", "blue", "shirt", "[SEP]"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda pieces: tuple(piece for piece in pieces if piece != "[UNK]"), r"lacks \[UNK\]"),
        (lambda pieces: (*pieces, "navy"), "twice"),
        (lambda pieces: (*pieces[1:], pieces[0]), r"\[PAD\] must be the first"),
    ],
)
def test_a_vocabulary_that_cannot_work_is_refused(vocabulary: tuple[str, ...], change, fault: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    with pytest.raises(ValueError, match=fault):
        Tokeniser(change(vocabulary), 16)
