# SPDX-License-Identifier: Apache-2.0
"""The photo heads of a bundle's graphs, read and written where they stand: they are plain weights with known names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import numpy_helper

from consumer.errors import Refused
from triton_models.export.runtimes import FUSION_HEADS, FUSION_HEADS_IMAGE
from triton_models.export.temper import is_tempered
from triton_models.training.heads import LinearHead

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: By graph, what stands before a task's number in the names of its weights.
_PREFIXES = {FUSION_HEADS_IMAGE: "heads.tasks", FUSION_HEADS: "image.tasks"}


def read_image_heads(folder: Path, handles: Sequence[str]) -> dict[str, LinearHead]:
    """By handle, of which `handles` are all in the manifest's order. Raises Refused for graphs of another make."""
    path = folder / f"{FUSION_HEADS_IMAGE}.onnx"
    graph = onnx.load(path).graph
    if is_tempered(graph):
        raise Refused(f"{path} was calibrated since it was made; change the bundle that it was made of")
    weights = {tensor.name: tensor for tensor in graph.initializer}
    try:
        pairs = [[weights[name] for name in _names(path.stem, number)] for number in range(len(handles))]
    except KeyError as error:
        raise Refused(f"{path} has no {error}: only heads that `hangtag models train` made can be changed") from error
    arrays = ([np.array(numpy_helper.to_array(tensor), np.float32) for tensor in pair] for pair in pairs)
    return {handle: LinearHead(weight, bias) for handle, (weight, bias) in zip(handles, arrays, strict=True)}


def write_image_heads(folder: Path, handles: Sequence[str], heads: Mapping[str, LinearHead]) -> None:
    """Put these in place of those that are there, in the graph for photos and in the one for both."""
    for graph in _PREFIXES:
        path = folder / f"{graph}.onnx"
        model = onnx.load(path)
        weights = {tensor.name: tensor for tensor in model.graph.initializer}
        for handle, head in heads.items():
            names = _names(graph, handles.index(handle))
            for name, values in zip(names, (head.weight, head.bias), strict=True):
                weights[name].CopyFrom(numpy_helper.from_array(values / np.float32(head.temperature), name))
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString(deterministic=True))


def _names(graph: str, number: int) -> tuple[str, str]:
    return f"{_PREFIXES[graph]}.{number}.weight", f"{_PREFIXES[graph]}.{number}.bias"
