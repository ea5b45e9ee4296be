# SPDX-License-Identifier: Apache-2.0
"""The text tower: the first layers of a BERT over a pruned vocabulary, averaged over the real tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from consumer.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: Numbers per text.
TEXT_TRUNK_DIM = 384
_HEADS = 12
_INNER_DIM = 1536
_NORM_EPSILON = 1e-12


class BertLayer(nn.Module):
    """One encoder layer, post-norm, exact GELU."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.attended = (nn.Linear(TEXT_TRUNK_DIM, TEXT_TRUNK_DIM) for _ in range(4))
        self.inner = nn.Linear(TEXT_TRUNK_DIM, _INNER_DIM)
        self.outer = nn.Linear(_INNER_DIM, TEXT_TRUNK_DIM)
        self.attention_norm, self.output_norm = (nn.LayerNorm(TEXT_TRUNK_DIM, eps=_NORM_EPSILON) for _ in range(2))

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        """`bias` `[b, 1, 1, L]` is added to the attention scores: very negative where there is padding."""
        query, key, value = (_split_heads(project(hidden)) for project in (self.query, self.key, self.value))
        scores = query @ key.transpose(-1, -2) / (TEXT_TRUNK_DIM // _HEADS) ** 0.5 + bias
        context = (scores.softmax(-1) @ value).transpose(1, 2).flatten(2)
        hidden = self.attention_norm(hidden + self.attended(context))
        output: Tensor = self.output_norm(hidden + self.outer(nn.functional.gelu(self.inner(hidden))))
        return output


class TextTrunk(nn.Module):
    """Text features: int64 ids and mask `[b, L]` -> float `[b, 384]`, the masked mean of the last layer."""

    def __init__(self, pieces: int, length: int, layers: int) -> None:
        super().__init__()
        self.words = nn.Embedding(pieces, TEXT_TRUNK_DIM)
        self.positions = nn.Parameter(torch.zeros(length, TEXT_TRUNK_DIM))
        self.norm = nn.LayerNorm(TEXT_TRUNK_DIM, eps=_NORM_EPSILON)
        self.layers = nn.ModuleList(BertLayer() for _ in range(layers))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Padding neither attends nor is attended, and does not count in the mean."""
        mask = attention_mask.to(torch.float32)
        hidden = self.norm(self.words(input_ids) + self.positions[: input_ids.shape[1]])
        bias = (mask - 1.0)[:, None, None, :] * 10_000.0
        for layer in self.layers:
            hidden = layer(hidden, bias)
        mean: Tensor = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        return mean


def load_text_trunk(weights: Path, full: Sequence[str], kept: Sequence[str], *, length: int, layers: int) -> TextTrunk:
    """The first `layers` of the BERT in a safetensors file, with the word vectors of the kept pieces.

    `full` is the vocabulary that the weights were made for. Raises Refused when the file is not there.
    """
    if not weights.is_file():
        raise Refused(f"{weights} is not there: the BERT weights that the text tower starts from")
    stored = load_file(weights)
    rows = {piece: row for row, piece in enumerate(full)}
    trunk = TextTrunk(len(kept), length, layers)
    embeddings = "embeddings"
    state = {
        "words.weight": stored[f"{embeddings}.word_embeddings.weight"][[rows[piece] for piece in kept]],
        # One segment only, so its vector is part of every position's.
        "positions": stored[f"{embeddings}.position_embeddings.weight"][:length]
        + stored[f"{embeddings}.token_type_embeddings.weight"][0],
        "norm.weight": stored[f"{embeddings}.LayerNorm.weight"],
        "norm.bias": stored[f"{embeddings}.LayerNorm.bias"],
    }
    for layer in range(layers):
        state.update(_layer_state(stored, layer))
    trunk.load_state_dict(state, strict=True)
    return trunk


#: Our names -> those of the file, below `encoder.layer.N`.
_LAYER_NAMES = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attended": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "inner": "intermediate.dense",
    "outer": "output.dense",
    "output_norm": "output.LayerNorm",
}


def _layer_state(stored: Mapping[str, Tensor], layer: int) -> dict[str, Tensor]:
    return {
        f"layers.{layer}.{ours}.{kind}": stored[f"encoder.layer.{layer}.{theirs}.{kind}"]
        for ours, theirs in _LAYER_NAMES.items()
        for kind in ("weight", "bias")
    }


def _split_heads(hidden: Tensor) -> Tensor:
    return hidden.reshape(*hidden.shape[:2], _HEADS, TEXT_TRUNK_DIM // _HEADS).transpose(1, 2)
