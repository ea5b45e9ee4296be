# SPDX-License-Identifier: Apache-2.0
"""Weights that are small on disk and plain float32 at run time: a graph casts them once, when it is loaded.

Only weights are narrowed, never activations: a product's answer must not depend on what else is in its batch, and
dynamic quantisation takes one range over the whole batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper, numpy_helper

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Smaller weights stay as they are: they cost nothing, and biases and norms are touchy.
_MIN_ELEMENTS = 4_096
_INT8_MIN_ELEMENTS = 100_000
_INT8_MAX = 127


def narrow_to_fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose large float weights are stored as float16 and cast on load."""
    return _narrow(model, allow_int8=False)


def narrow_to_int8(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose large matrices are int8 with a range per output channel; middling ones are float16."""
    return _narrow(model, allow_int8=True)


def _narrow(model: onnx.ModelProto, *, allow_int8: bool) -> onnx.ModelProto:
    narrowed = onnx.ModelProto()
    narrowed.CopyFrom(model)
    graph = narrowed.graph
    kept: list[onnx.TensorProto] = []
    widening: list[onnx.NodeProto] = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < _MIN_ELEMENTS:
            kept.append(tensor)
        elif allow_int8 and values.ndim == 2 and values.size >= _INT8_MIN_ELEMENTS:  # noqa: PLR2004  # a matrix
            axis = 1 - _channel_axis(graph, tensor.name)
            levels = _INT8_MAX / np.maximum(np.abs(values).max(axis, keepdims=True), np.finfo(np.float32).tiny)
            kept += _tensors(tensor.name, {"int8": np.rint(values * levels).astype(np.int8), "levels": levels})
            # A division, not a product with the scale: OpenVINO takes a cast and a product for a compressed weight, and
            # then quantises activations as well, which moves features by 1 %.
            widening += [
                helper.make_node("Cast", [f"{tensor.name}/int8"], [f"{tensor.name}/wide"], to=onnx.TensorProto.FLOAT),
                helper.make_node("Div", [f"{tensor.name}/wide", f"{tensor.name}/levels"], [tensor.name]),
            ]
        else:
            kept += _tensors(tensor.name, {"fp16": values.astype(np.float16)})
            widening.append(helper.make_node("Cast", [f"{tensor.name}/fp16"], [tensor.name], to=onnx.TensorProto.FLOAT))
    nodes = list(graph.node)
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend([*widening, *nodes])
    onnx.checker.check_model(narrowed)
    return narrowed


def _tensors(name: str, values: dict[str, NDArray[np.generic]]) -> list[onnx.TensorProto]:
    return [numpy_helper.from_array(array, f"{name}/{kind}") for kind, array in values.items()]


def _channel_axis(graph: onnx.GraphProto, name: str) -> int:
    """Rows of a table that is looked up, and of a transposed Gemm weight; else columns."""
    user = next(node for node in graph.node if name in node.input)
    is_transposed = any(attribute.name == "transB" and attribute.i for attribute in user.attribute)
    return 0 if user.op_type == "Gather" or is_transposed else 1
