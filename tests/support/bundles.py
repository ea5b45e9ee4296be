# SPDX-License-Identifier: Apache-2.0
"""A tiny bundle: every graph, name and file of a real one in a few kilobytes, with fixed random weights.

It answers in microseconds and knows nothing of fashion, but its answers depend on every pixel mean, token and mask.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from consumer.bundle import (
    SPECIAL_PIECES,
    TEXT_FORMAT,
    Canary,
    CanaryRecipe,
    Head,
    Licence,
    Manifest,
    Task,
    TaskThresholds,
    Thresholds,
    canary_inputs,
    client_hash,
    write_manifest,
    write_thresholds,
)
from consumer.triton.tensors import CONTRACT, Ensemble
from tests.support.manifests import files_of
from triton_models.export.quiet_runtimes import load_onnxruntime

if TYPE_CHECKING:
    from pathlib import Path

Array = NDArray[Any]
Shape = list[str | int]

WORDS = ("red", "blue", "black", "white", "shirt", "tee", "dress", "shoes", "women", "men", "cotton", "brand")
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
VOCABULARY = (*SPECIAL_PIECES, *WORDS, *_LETTERS, *(f"##{letter}" for letter in _LETTERS))
TASKS = (
    Task("category", "softmax", ("aa-1-13-8", "aa-1-13-7", "aa-1-4"), "probability"),
    Task("target-gender", "softmax", ("18", "19", "20"), "probability"),
    Task("color", "softmax", ("1", "2", "x-shade-burgundy", "x-shade-charcoal"), "probability"),
)
VIEW_TYPES = ("WHITE_BACKGROUND", "ON_MODEL", "DETAIL")

_IMAGE, _TEXT = 8, 8
_OPSET = 18


@dataclass(frozen=True, slots=True)
class TinySpec:
    """What may differ between tiny bundles."""

    bundle: int = 1
    seed: int = 7
    """Other weights, other answers."""
    side: int = 32
    text_length: int = 16
    tasks: tuple[Task, ...] = TASKS
    view_types: tuple[str, ...] = VIEW_TYPES


def write_tiny_bundle(folder: Path, spec: TinySpec = TinySpec()) -> Path:
    """Write a whole bundle into `folder`, which is made, and return it. The same spec gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, model in _Graphs(spec).all().items():
        onnx.save(model, folder / f"{name}.onnx")
    (folder / "vocabulary.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    (folder / "training_ids.bin").write_bytes(b"")
    (folder / "model_card.md").write_text("# Tiny bundle\nRandom weights, for tests.\n", encoding="utf-8")
    (folder / "metrics.json").write_text("{}\n", encoding="utf-8")
    head = TaskThresholds(accept=0.5, suggest=0.2)
    heads: dict[Head, TaskThresholds] = {"fused": head, "image": head, "text": head}
    thresholds = Thresholds("tiny-1", {task.handle: heads for task in spec.tasks})
    write_thresholds(folder / "thresholds.json", thresholds)
    write_manifest(folder / "manifest.json", _manifest(folder, spec))
    return folder


def answer_directly(folder: Path, ensemble: str, inputs: dict[str, Array]) -> dict[str, Array]:
    """What the ensemble must answer: its graphs run one after the other by ONNX Runtime, without a server."""
    ensemble = Ensemble(ensemble)
    answer: dict[str, Array] = {}
    features: dict[str, Array] = {}
    if ensemble.takes_images:
        encoded = _run(folder / "image_encoder.onnx", {"images": inputs["images"]})
        answer["view_type"] = encoded["view_type"]
        pooled = _run(
            folder / "image_pool.onnx",
            {"image_features": encoded["image_features"], "image_mask": inputs["image_mask"]},
        )
        answer["contribution"] = pooled["contribution"]
        features["image_features"] = pooled["product_features"]
    if ensemble.takes_text:
        tokens = {name: inputs[name] for name in ("input_ids", "attention_mask")}
        features |= _run(folder / "text_encoder.onnx", tokens)
    heads = {Ensemble.FUSED: "fusion_heads", Ensemble.IMAGE: "fusion_heads_image", Ensemble.TEXT: "fusion_heads_text"}
    return answer | _run(folder / f"{heads[ensemble]}.onnx", features)


def _run(path: Path, inputs: dict[str, Array]) -> dict[str, Array]:
    session = _session(path.read_bytes())
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


@lru_cache(maxsize=24)
def _session(graph: bytes) -> Any:
    """By content, so that a file that was written anew is another graph."""
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _manifest(folder: Path, spec: TinySpec) -> Manifest:
    manifest = Manifest(
        bundle=spec.bundle,
        contract=CONTRACT,
        ontology="v1",
        lexicon="v1",
        side=spec.side,
        pixels="pixels/v1",
        max_images=5,
        text_length=spec.text_length,
        text_format=TEXT_FORMAT,
        client_hash="0" * 64,
        embedding_dim=_IMAGE + _TEXT,
        tasks=spec.tasks,
        view_types=spec.view_types,
        canary=Canary(CanaryRecipe(images=2, input_ids=(2, 4, 8, 3)), {}),
        files=files_of(folder),
        licences=(Licence("random numbers", "CC0-1.0"),),
    )
    tensors = canary_inputs(manifest)
    expected = {
        ensemble.value: {
            name: tuple(float(value) for value in values.ravel())
            for name, values in answer_directly(folder, ensemble, tensors).items()
        }
        for ensemble in Ensemble
    }
    return replace(
        manifest,
        client_hash=client_hash(manifest, VOCABULARY),
        canary=replace(manifest.canary, expected={"f32": expected, "bf16": expected}),
    )


class _Graphs:
    """Builds the six graphs."""

    def __init__(self, spec: TinySpec) -> None:
        self._spec = spec

    def all(self) -> dict[str, onnx.ModelProto]:
        return {
            "image_encoder": self._image_encoder(),
            "image_pool": self._image_pool(),
            "text_encoder": self._text_encoder(),
            "fusion_heads": self._heads("image", "text"),
            "fusion_heads_image": self._heads("image"),
            "fusion_heads_text": self._heads("text"),
        }

    def _image_encoder(self) -> onnx.ModelProto:
        graph = _Graph(self._spec.seed)
        pixels = graph.add("Cast", "images", to=TensorProto.FLOAT)
        means = graph.add("ReduceMean", pixels, graph.ints(2, 3), keepdims=0)
        flat = graph.add("Div", graph.add("Reshape", means, graph.ints(-1, 6)), graph.floats(255.0))
        graph.add("MatMul", flat, graph.weights("image", 6, _IMAGE), output="image_features")
        scores = graph.add("MatMul", flat, graph.weights("view_type", 6, max(1, len(self._spec.view_types))))
        if self._spec.view_types:
            graph.add("Softmax", scores, output="view_type", axis=-1)
        else:
            graph.add("Mul", scores, graph.floats(0.0), output="view_type")
        side = self._spec.side
        return graph.model(
            {"images": (TensorProto.UINT8, ["b", 2, side, side, 3])},
            {"image_features": ["b", _IMAGE], "view_type": ["b", max(1, len(self._spec.view_types))]},
        )

    def _image_pool(self) -> onnx.ModelProto:
        graph = _Graph(self._spec.seed)
        column = graph.add("Unsqueeze", graph.add("Cast", "image_mask", to=TensorProto.BOOL), graph.ints(1))
        masked = graph.add("Where", column, "image_features", graph.floats(-1e4))
        best = graph.add("ReduceMax", masked, graph.ints(0), output="product_features", keepdims=1)
        wins = graph.add("Cast", graph.add("Equal", masked, best), to=TensorProto.FLOAT)
        won = graph.add("ReduceSum", wins, graph.ints(1), keepdims=0)
        # Equal images share what they won.
        graph.add("Div", won, graph.add("ReduceSum", won, graph.ints(0), keepdims=1), output="contribution")
        return graph.model(
            {"image_features": (TensorProto.FLOAT, ["n", _IMAGE]), "image_mask": (TensorProto.UINT8, ["n"])},
            {"product_features": [1, _IMAGE], "contribution": ["n"]},
        )

    def _text_encoder(self) -> onnx.ModelProto:
        graph = _Graph(self._spec.seed)
        pieces = graph.add("Gather", graph.weights("text", len(VOCABULARY), _TEXT), "input_ids", axis=0)
        mask = graph.add("Cast", "attention_mask", to=TensorProto.FLOAT)
        kept = graph.add("Mul", pieces, graph.add("Unsqueeze", mask, graph.ints(2)))
        total = graph.add("ReduceSum", kept, graph.ints(1), keepdims=0)
        graph.add("Div", total, graph.add("ReduceSum", mask, graph.ints(1), keepdims=1), output="text_features")
        shape: tuple[int, Shape] = (TensorProto.INT64, ["b", self._spec.text_length])
        return graph.model({"input_ids": shape, "attention_mask": shape}, {"text_features": ["b", _TEXT]})

    def _heads(self, *sides: str) -> onnx.ModelProto:
        graph = _Graph(self._spec.seed)
        sizes = {"image": _IMAGE, "text": _TEXT}
        outputs: dict[str, Shape] = {}
        for task in self._spec.tasks:
            scores = {
                side: graph.add(
                    "MatMul", f"{side}_features", graph.weights(f"{task.handle}.{side}", sizes[side], len(task.labels))
                )
                for side in sides
            }
            named = {task.handle: graph.add("Sum", *scores.values())}
            if len(sides) > 1:
                named |= {f"{task.handle}.{side}": scores[side] for side in sides}
            for name, value in named.items():
                self._answer(graph, task, value, name)
                outputs[name] = ["b", len(task.labels)]
        halves = [
            f"{side}_features" if side in sides else graph.add("Mul", f"{sides[0]}_features", graph.floats(0.0))
            for side in ("image", "text")
        ]
        graph.add("LpNormalization", graph.add("Concat", *halves, axis=1), output="embedding", axis=1, p=2)
        inputs: dict[str, tuple[int, Shape]] = {
            f"{side}_features": (TensorProto.FLOAT, ["b", sizes[side]]) for side in sides
        }
        return graph.model(inputs, outputs | {"embedding": ["b", _IMAGE + _TEXT]})

    @staticmethod
    def _answer(graph: _Graph, task: Task, scores: str, name: str) -> None:
        if task.output == "logit":
            graph.add("Identity", scores, output=name)
        elif task.kind == "softmax":
            graph.add("Softmax", scores, output=name, axis=-1)
        else:
            graph.add("Sigmoid", scores, output=name)


class _Graph:
    """Nodes in order; each `add` returns the name of what it computes."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        name = output or f"v{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def ints(self, *values: int) -> str:
        return self._constant(np.array(values, dtype=np.int64))

    def floats(self, *values: float) -> str:
        return self._constant(np.array(values, dtype=np.float32))

    def weights(self, name: str, *shape: int) -> str:
        """Fixed by seed and name, so that fused and single heads share them."""
        entropy = int.from_bytes(hashlib.sha256(f"{self._seed}/{name}".encode()).digest()[:8])
        return self._constant(np.random.default_rng(entropy).normal(size=shape).astype(np.float32))

    def _constant(self, values: Array) -> str:
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(values, name))
        return name

    def model(self, inputs: dict[str, tuple[int, Shape]], outputs: dict[str, Shape]) -> onnx.ModelProto:
        graph = helper.make_graph(
            self._nodes,
            "tiny",
            [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
            self._constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=9)
        onnx.checker.check_model(model)
        return model
