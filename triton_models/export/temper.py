# SPDX-License-Identifier: Apache-2.0
"""A temperature put behind a graph's probabilities, when the weights before them are no longer at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

#: Probabilities below it count as it: their logarithm must be finite.
_LEAST = 1e-12
#: Part of the names of probabilities that a temperature stands behind.
_RAW = "/untempered"


def tempered(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """`[n, K]` probabilities whose logarithms were divided by the temperature; each row sums to one."""
    if temperature == 1:
        return probabilities
    powers = np.maximum(probabilities, _LEAST) ** np.float32(1 / temperature)
    return np.asarray(powers / powers.sum(1, keepdims=True), dtype=np.float32)


def temper_graph(path: Path, temperatures: Mapping[str, float]) -> None:
    """Do the same in a graph, by output name, in place. Outputs at temperature 1 stay as they are."""
    model = onnx.load(path)
    for output, temperature in temperatures.items():
        if temperature != 1:
            _temper(model.graph, output, temperature)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))


def is_tempered(graph: onnx.GraphProto) -> bool:
    """Whether a temperature stands behind the probabilities."""
    return any(_RAW in name for node in graph.node for name in node.output)


def _temper(graph: onnx.GraphProto, output: str, temperature: float) -> None:
    taken = {name for node in graph.node for name in node.output}
    raw = next(name for number in range(len(taken) + 1) if (name := f"{output}{_RAW}{number}") not in taken)
    for node in graph.node:
        for names in (node.input, node.output):
            for position, name in enumerate(names):
                if name == output:
                    names[position] = raw
    for name, value in ((f"{raw}/least", _LEAST), (f"{raw}/temperature", temperature)):
        graph.initializer.append(numpy_helper.from_array(np.array(value, dtype=np.float32), name))
    graph.node.extend(
        [
            helper.make_node("Max", [raw, f"{raw}/least"], [f"{raw}/safe"]),
            helper.make_node("Log", [f"{raw}/safe"], [f"{raw}/log"]),
            helper.make_node("Div", [f"{raw}/log", f"{raw}/temperature"], [f"{raw}/divided"]),
            helper.make_node("Softmax", [f"{raw}/divided"], [output], axis=-1),
        ]
    )
