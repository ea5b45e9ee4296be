# SPDX-License-Identifier: Apache-2.0
"""Torch modules as ONNX graphs with the names of the tensor contract, free of traces of the machine that made them."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import onnx
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import Tensor, nn

_OPSET = 18


def to_onnx(module: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> onnx.ModelProto:
    """The module in evaluation mode; the first dimension of every input is dynamic, and the same in all of them.

    Raises ValueError when two inputs are one tensor: the exporter would merge them, and the graph read one twice.
    """
    if len({id(tensor) for tensor in inputs.values()}) < len(inputs):
        raise ValueError("two inputs are one tensor")
    batch = torch.export.Dim("batch")
    with _quiet():
        program = torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=tuple({0: batch} for _ in inputs),
            opset_version=_OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch.onnx.export gave no program")
    return _without_traces(program.model_proto)


def _without_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop doc strings and metadata: they hold source paths, and equal models must be equal bytes."""
    graph = model.graph
    holders = [model, graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output]
    for holder in holders:
        holder.doc_string = ""
        del holder.metadata_props[:]
    del graph.value_info[:]
    graph.name = "hangtag"
    onnx.checker.check_model(model)
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns of its own deprecated internals and logs each optional package that it does not find."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
