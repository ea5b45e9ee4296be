# SPDX-License-Identifier: Apache-2.0
"""A trained model as a bundle's folder: graphs, vocabulary, thresholds, and the manifest that binds them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from consumer.bundle import (
    TEXT_FORMAT,
    BundleFile,
    Canary,
    CanaryRecipe,
    Licence,
    Manifest,
    Task,
    Tokeniser,
    canary_inputs,
    client_hash,
    read_manifest,
    sha256_of,
    write_manifest,
)
from consumer.images.pixels import PIXELS_VERSION
from consumer.triton.tensors import CONTRACT, Ensemble
from triton_models.export.graphs import Embedding, FusionHeads, ImageEncoder, ImageHeads, ImagePool, TextHeads
from triton_models.export.onnx import to_onnx
from triton_models.export.runtimes import (
    FUSION_HEADS,
    FUSION_HEADS_IMAGE,
    FUSION_HEADS_TEXT,
    IMAGE_ENCODER,
    IMAGE_POOL,
    TEXT_ENCODER,
    OnnxRuntime,
    OpenVino,
    run_ensemble,
)
from triton_models.export.weights import narrow_to_fp16, narrow_to_int8
from triton_models.training.text_tower import TEXT_TRUNK_DIM
from triton_models.training.view_rules import VIEW_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import onnx

    from consumer.enrichment.ontology import Ontology
    from triton_models.export.runtimes import Runtime
    from triton_models.training.datasets import LabelledProduct
    from triton_models.training.model import Model
    from triton_models.training.recipe import Recipe

_CANARY_TEXT = "Acme men navy blue striped polo t-shirt"
_CANARY_IMAGES = 2
#: The manifest itself, and what grows after sealing.
_UNSEALED = frozenset({"manifest.json", "test_openings.jsonl"})
_LICENCES = (
    Licence("fashion-product-images", "MIT as declared on Kaggle; photos are the retailer's and are not part of this"),
    Licence("clothing-dataset", "CC0-1.0"),
    Licence("retail-demo-store (words of the vocabulary)", "MIT-0"),
    Licence("MobileNetV2, ImageNet weights", "Apache-2.0"),
    Licence("all-MiniLM-L6-v2", "Apache-2.0"),
    Licence("BERT uncased vocabulary", "Apache-2.0"),
    Licence("Shopify product taxonomy 2025-01", "MIT"),
)


def write_graphs(model: Model, recipe: Recipe, out: Path) -> None:
    """The six graphs and the vocabulary. Photo weights are float16 on disk, text weights int8; heads stay float32."""
    images = torch.zeros((2, 2, recipe.side, recipe.side, 3), dtype=torch.uint8)
    tokens = {name: torch.ones((2, recipe.text.length), dtype=torch.int64) for name in ("input_ids", "attention_mask")}
    image, text = torch.zeros((2, recipe.image.dim)), torch.zeros((2, TEXT_TRUNK_DIM))
    handles = [space.handle for space in model.spaces]
    kinds = [f"{handle}{suffix}" for handle in handles for suffix in ("", ".image", ".text")]
    one_side = [*handles, "embedding"]
    embedding = Embedding(model.image_axes, model.text_axes)
    pool_inputs = {"image_features": image, "image_mask": torch.ones(2, dtype=torch.uint8)}
    graphs = {
        IMAGE_ENCODER: narrow_to_fp16(
            to_onnx(ImageEncoder(model.image, model.views), {"images": images}, ["image_features", "view_type"])
        ),
        IMAGE_POOL: to_onnx(ImagePool(), pool_inputs, ["product_features", "contribution"]),
        TEXT_ENCODER: narrow_to_int8(to_onnx(model.text, tokens, ["text_features"])),
        FUSION_HEADS: to_onnx(
            FusionHeads(model.heads, embedding), {"image_features": image, "text_features": text}, [*kinds, "embedding"]
        ),
        FUSION_HEADS_IMAGE: to_onnx(ImageHeads(model.heads.image, embedding), {"image_features": image}, one_side),
        FUSION_HEADS_TEXT: to_onnx(TextHeads(model.heads.text, embedding), {"text_features": text}, one_side),
    }
    for name, graph in graphs.items():
        write_graph(out / f"{name}.onnx", graph)
    (out / "vocabulary.txt").write_text("\n".join(model.vocabulary) + "\n", encoding="utf-8")


def write_graph(path: Path, graph: onnx.ModelProto) -> None:
    """One file, weights inside; the same graph gives the same bytes."""
    path.write_bytes(graph.SerializeToString(deterministic=True))


def write_training_ids(path: Path, products: Iterable[LabelledProduct]) -> None:
    """Sorted 8-byte prefixes of SHA-256(`<dataset>/<id>`) of every product that the bundle has learnt from."""
    path.write_bytes(b"".join(sorted(id_prefix(product.dataset, product.id) for product in products)))


def id_prefix(dataset: str, product_id: str) -> bytes:
    """How `training_ids.bin` names a product."""
    return hashlib.sha256(f"{dataset}/{product_id}".encode()).digest()[:8]


def seal(out: Path, model: Model, recipe: Recipe, ontology: Ontology) -> Manifest:
    """Write `manifest.json`, last: the canary's answers and the hash of every other file in the folder."""
    tokeniser = Tokeniser(model.vocabulary, recipe.text.length)
    tokens = tokeniser.encode(_CANARY_TEXT)
    manifest = Manifest(
        bundle=recipe.bundle,
        contract=CONTRACT,
        ontology=ontology.version,
        lexicon="v1",
        side=recipe.side,
        pixels=PIXELS_VERSION,
        max_images=recipe.max_images,
        text_length=recipe.text.length,
        text_format=TEXT_FORMAT,
        client_hash="0" * 64,
        embedding_dim=recipe.image_axes + recipe.text_axes,
        tasks=tuple(Task(space.handle, "softmax", space.labels, "probability") for space in model.spaces),
        view_types=() if model.views is None else tuple(kind.value for kind in VIEW_TYPES),
        canary=Canary(
            CanaryRecipe(_CANARY_IMAGES, tuple(tokens.input_ids[0, : tokens.attention_mask.sum()].tolist())), {}
        ),
        files=(),
        licences=_LICENCES,
    )
    manifest = replace(
        manifest,
        client_hash=client_hash(manifest, model.vocabulary),
        canary=expected_answers(out, manifest),
        files=_files(out),
    )
    write_manifest(out / "manifest.json", manifest)
    return manifest


def expected_answers(folder: Path, manifest: Manifest) -> Canary:
    """The manifest's canary with what the graphs answer: f32 by ONNX Runtime, bf16 by OpenVINO as it is served."""
    inputs = canary_inputs(manifest)
    runtimes: dict[str, Runtime] = {"f32": OnnxRuntime(folder), "bf16": OpenVino(folder, "bf16")}
    expected = {
        precision: {
            ensemble.value: {
                tensor: tuple(round(float(value), 6) for value in values.ravel())
                for tensor, values in sorted(run_ensemble(run, ensemble, inputs).items())
            }
            for ensemble in Ensemble
        }
        for precision, run in runtimes.items()
    }
    return replace(manifest.canary, expected=expected)


def reseal(folder: Path, *, graphs_changed: bool, number: int | None = None) -> None:
    """Bring the manifest of a sealed bundle up to date after its files were written anew; `number` gives it another."""
    manifest = read_manifest(folder / "manifest.json")
    if number is not None:
        manifest = replace(manifest, bundle=number)
    if graphs_changed:
        manifest = replace(manifest, canary=expected_answers(folder, manifest))
    write_manifest(folder / "manifest.json", replace(manifest, files=_files(folder)))


def _files(folder: Path) -> tuple[BundleFile, ...]:
    return tuple(
        BundleFile(path.name, sha256_of(path))
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name not in _UNSEALED
    )
