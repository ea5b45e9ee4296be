# SPDX-License-Identifier: Apache-2.0
"""Text to token ids: BERT's uncased WordPiece over the bundle's own vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from consumer.errors import IncompatibleModels

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

#: Pieces that every vocabulary must hold.
PAD, UNKNOWN, START, END = SPECIAL_PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


@dataclass(frozen=True, slots=True)
class Tokens:
    """One text for the text tower: int64 `[1, L]`, padded to the bundle's one length L."""

    input_ids: NDArray[np.int64]
    attention_mask: NDArray[np.int64]
    is_truncated: bool
    """True when the text had more tokens than fit: its tail was not read."""


class Tokeniser:
    """Encodes texts with a fixed vocabulary to a fixed length. Thread-safe."""

    def __init__(self, vocabulary: Sequence[str], length: int) -> None:
        """Ids are the positions in `vocabulary`. Raises ValueError for a missing special piece or a piece twice."""
        ids = {piece: number for number, piece in enumerate(vocabulary)}
        if missing := [piece for piece in SPECIAL_PIECES if piece not in ids]:
            raise ValueError(f"the vocabulary lacks {', '.join(missing)}")
        if len(ids) != len(vocabulary):
            raise ValueError("the vocabulary names a piece twice")
        if ids[PAD] != 0:
            raise ValueError(f"{PAD} must be the first piece: padding is id 0 everywhere")
        self.vocabulary = tuple(vocabulary)
        self.length = length
        self._tokenizer = _wordpiece(ids)
        self._tokenizer.enable_truncation(length)
        self._tokenizer.enable_padding(pad_id=ids[PAD], pad_token=PAD, length=length)

    def encode(self, text: str) -> Tokens:
        """Token ids and mask of one text; an empty text gives the two end marks only."""
        encoding = self._tokenizer.encode(text)
        return Tokens(
            input_ids=np.array([encoding.ids], dtype=np.int64),
            attention_mask=np.array([encoding.attention_mask], dtype=np.int64),
            is_truncated=bool(encoding.overflowing),
        )

    def pieces(self, text: str) -> tuple[str, ...]:
        """The pieces that `encode` gives ids to: with the end marks, cut to the length, without padding."""
        encoding = self._tokenizer.encode(text)
        return tuple(encoding.tokens[: sum(encoding.attention_mask)])


def read_vocabulary(path: Path) -> tuple[str, ...]:
    """The pieces of `vocabulary.txt`, one a line, in the order of their ids. Raises IncompatibleModels."""
    try:
        return tuple(path.read_text(encoding="utf-8").removesuffix("\n").split("\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise IncompatibleModels(f"{path}: cannot be read: {error}") from error


def _wordpiece(ids: dict[str, int]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token=UNKNOWN, max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing((END, ids[END]), (START, ids[START]))
    return tokenizer
