# SPDX-License-Identifier: Apache-2.0
"""Trunk features of texts: each different text once, short ones together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from consumer.bundle import Tokeniser
    from triton_models.training.text_tower import TextTrunk

_BATCH_TEXTS = 256


def text_features(
    trunk: TextTrunk, tokeniser: Tokeniser, texts: Sequence[str], progress: Callable[[int, int], None]
) -> NDArray[np.float32]:
    """`[n, 384]`. Padding is cut to the longest text of a batch: it changes nothing but the time."""
    unique = list(dict.fromkeys(texts))
    tokens = [tokeniser.encode(text) for text in unique]
    lengths = np.array([int(encoded.attention_mask.sum()) for encoded in tokens])
    order = np.argsort(lengths, kind="stable")
    vectors = np.empty((len(unique), trunk.positions.shape[1]), dtype=np.float32)
    with torch.inference_mode():
        for start in range(0, len(order), _BATCH_TEXTS):
            batch = order[start : start + _BATCH_TEXTS]
            longest = int(lengths[batch].max())
            ids, mask = (
                torch.from_numpy(np.concatenate([getattr(tokens[index], name)[:, :longest] for index in batch]))
                for name in ("input_ids", "attention_mask")
            )
            vectors[batch] = trunk(ids, mask).numpy()
            progress(start + len(batch), len(order))
    rows = {text: row for row, text in enumerate(unique)}
    return vectors[[rows[text] for text in texts]]
