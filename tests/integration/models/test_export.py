# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from triton_models.training.model import Model
    from triton_models.training.recipe import Recipe, Sources

pytestmark = [pytest.mark.train, pytest.mark.slow]

LABELS = {"category": ("aa-1-4", "aa-8-6", "aa-2-6"), "color": ("2", "13")}


@pytest.fixture(scope="module")
def model(drawn_sources: Sources, drawn_recipe: Recipe) -> Model:
    import torch
    from torch import nn

    from consumer.bundle import read_vocabulary
    from triton_models.training.backbones import backbone_named, fold_norms
    from triton_models.training.fuse import Heads
    from triton_models.training.heads import FusedHead, FusionWeights, Gate, LinearHead
    from triton_models.training.image_tower import ImageTower, ImageTrunk
    from triton_models.training.labels import LabelSpace
    from triton_models.training.model import Model
    from triton_models.training.reduce import fit_projection
    from triton_models.training.text_tower import TEXT_TRUNK_DIM, load_text_trunk
    from triton_models.training.view_rules import VIEW_TYPES

    random = np.random.default_rng(8)
    torch.manual_seed(8)
    # Exporting a whole MobileNet takes a quarter of a minute; the training test does it.
    stem = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16)), nn.ReLU6(), nn.Conv2d(16, 32, 1)
    )
    backbone = backbone_named("mobilenet_v2")
    trunk = ImageTrunk(fold_norms(stem), nn.Conv2d(32, backbone.dim, 1), backbone)
    vocabulary = read_vocabulary(drawn_sources.text_model / "vocab.txt")
    dims = {"image": drawn_recipe.image.dim, "text": TEXT_TRUNK_DIM}

    def heads(dim: int) -> dict[str, LinearHead]:
        return {
            handle: LinearHead(
                random.normal(size=(len(labels), dim)).astype(np.float32) * 0.1,
                random.normal(size=len(labels)).astype(np.float32),
                temperature=2.0,
            )
            for handle, labels in LABELS.items()
        }

    image, text = heads(dims["image"]), heads(dims["text"])
    fused = {
        handle: FusedHead(
            image[handle],
            text[handle],
            np.linspace(-1, 0, len(labels)).astype(np.float32),
            FusionWeights(0.9, 1.4, 0.6, Gate(random.normal(size=dims["text"]).astype(np.float32) * 0.1, 0.8, -0.5)),
            temperature=1.3,
        )
        for handle, labels in LABELS.items()
    }
    weights = drawn_sources.text_model / "model.safetensors"
    return Model(
        image=ImageTower(trunk, drawn_recipe.image),
        text=load_text_trunk(weights, vocabulary, vocabulary, length=drawn_recipe.text.length, layers=2),
        heads=Heads(image, text, fused),
        image_axes=fit_projection(random.normal(size=(40, dims["image"])).astype(np.float32), drawn_recipe.image_axes),
        text_axes=fit_projection(random.normal(size=(40, dims["text"])).astype(np.float32), drawn_recipe.text_axes),
        spaces=tuple(LabelSpace(handle, labels, {}) for handle, labels in LABELS.items()),
        vocabulary=vocabulary,
        views=LinearHead(
            random.normal(size=(len(VIEW_TYPES), 2 * (32 * 16 + backbone.dim))).astype(np.float32) * 0.05,
            random.normal(size=len(VIEW_TYPES)).astype(np.float32),
        ),
    )


@pytest.fixture(scope="module")
def folder(model: Model, drawn_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from triton_models.export.bundle import write_graphs

    out = tmp_path_factory.mktemp("graphs")
    write_graphs(model, drawn_recipe, out)
    return out


@pytest.fixture(scope="module")
def inputs(drawn_recipe: Recipe) -> dict[str, dict[str, Any]]:
    random = np.random.default_rng(9)
    side, longest = drawn_recipe.side, drawn_recipe.text.length
    mask = np.zeros((4, longest), dtype=np.int64)
    for row, length in enumerate((2, 5, 9, longest)):
        mask[row, :length] = 1
    dims = {"image_features": drawn_recipe.image.dim, "text_features": 384}
    features = {name: random.normal(size=(4, dim)).astype(np.float32) for name, dim in dims.items()}
    return {
        "image_encoder": {"images": random.integers(0, 256, (4, 2, side, side, 3), dtype=np.uint8)},
        "text_encoder": {"input_ids": random.integers(0, 60, mask.shape) * mask, "attention_mask": mask},
        "fusion_heads": features,
        "fusion_heads_image": {"image_features": features["image_features"]},
        "fusion_heads_text": {"text_features": features["text_features"]},
    }


GRAPHS = ("image_encoder", "text_encoder", "fusion_heads", "fusion_heads_image", "fusion_heads_text")


@pytest.mark.gate(12)
@pytest.mark.parametrize("graph", GRAPHS)
def test_openvino_answers_as_onnx_runtime_does(folder: Path, inputs: dict[str, dict[str, Any]], graph: str) -> None:
    from triton_models.export.runtimes import OnnxRuntime, OpenVino

    expected = OnnxRuntime(folder)(graph, inputs[graph])
    answered = OpenVino(folder, "f32")(graph, inputs[graph])

    assert answered.keys() == expected.keys()
    for tensor, values in expected.items():
        np.testing.assert_allclose(answered[tensor], values, atol=1e-4, err_msg=tensor)


@pytest.mark.gate(12)
@pytest.mark.parametrize("graph", GRAPHS)
def test_a_product_is_answered_alike_alone_and_in_a_batch(
    folder: Path, inputs: dict[str, dict[str, Any]], graph: str
) -> None:
    from triton_models.export.runtimes import OpenVino

    run = OpenVino(folder, "f32")
    together = run(graph, inputs[graph])

    for row in range(4):
        alone = run(graph, {name: values[row : row + 1] for name, values in inputs[graph].items()})
        for tensor, values in together.items():
            np.testing.assert_allclose(alone[tensor], values[row : row + 1], atol=1e-4, err_msg=tensor)


@pytest.mark.gate(12)
def test_narrow_weights_move_features_by_little(folder: Path, model: Model, inputs: dict[str, dict[str, Any]]) -> None:
    import torch

    from triton_models.export.graphs import ImageEncoder
    from triton_models.export.runtimes import OnnxRuntime

    run = OnnxRuntime(folder)
    with torch.inference_mode():
        image, _ = ImageEncoder(model.image)(torch.from_numpy(inputs["image_encoder"]["images"]))
        text = model.text(*(torch.from_numpy(values) for values in inputs["text_encoder"].values()))

    for graph, tensor, exact in (
        ("image_encoder", "image_features", image.numpy()),
        ("text_encoder", "text_features", text.numpy()),
    ):
        narrow = run(graph, inputs[graph])[tensor]
        np.testing.assert_allclose(narrow, exact, atol=0.02 * np.abs(exact).max())


def test_kinds_of_view_are_probabilities_as_torch_has_them(
    folder: Path, model: Model, inputs: dict[str, dict[str, Any]]
) -> None:
    import torch

    from triton_models.export.graphs import ImageEncoder
    from triton_models.export.runtimes import OnnxRuntime

    answered = OnnxRuntime(folder)("image_encoder", inputs["image_encoder"])["view_type"]
    with torch.inference_mode():
        images = torch.from_numpy(inputs["image_encoder"]["images"])
        vectors, exact = ImageEncoder(model.image, model.views)(images)
        plain, nothing = ImageEncoder(model.image)(images)

    np.testing.assert_allclose(answered.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(answered, exact.numpy(), atol=0.02)
    assert len({tuple(row) for row in answered.round(3)}) == 4
    np.testing.assert_array_equal(vectors.numpy(), plain.numpy())
    np.testing.assert_array_equal(nothing.numpy(), np.zeros((4, 1)))


def test_the_manifest_holds_the_order_of_the_kinds_of_view(
    folder: Path, model: Model, drawn_recipe: Recipe, tmp_path: Path
) -> None:
    from consumer.enrichment.ontology import Ontology
    from triton_models.export.bundle import seal

    out = shutil.copytree(folder, tmp_path / "bundle")

    manifest = seal(out, model, drawn_recipe, Ontology.load("v1"))

    assert manifest.view_types == ("white_background", "on_model", "detail", "unknown")
    for answers in manifest.canary.expected.values():
        assert len(answers["product_tagger_image"]["view_type"]) == 2 * 4


def test_heads_are_calibrated_probabilities_and_the_sides_do_not_see_each_other(
    folder: Path, model: Model, inputs: dict[str, dict[str, Any]]
) -> None:
    from triton_models.export.runtimes import OnnxRuntime

    run = OnnxRuntime(folder)
    fused = run("fusion_heads", inputs["fusion_heads"])
    image = run("fusion_heads_image", inputs["fusion_heads_image"])
    text = run("fusion_heads_text", inputs["fusion_heads_text"])

    both = np.hstack(list(inputs["fusion_heads"].values()))
    for handle, head in model.heads.fused.items():
        np.testing.assert_allclose(fused[handle], head.probabilities(both), atol=1e-5)
        np.testing.assert_allclose(fused[f"{handle}.image"], image[handle], atol=1e-6)
        np.testing.assert_allclose(fused[f"{handle}.text"], text[handle], atol=1e-6)
    for answers in (fused, image, text):
        np.testing.assert_allclose(np.linalg.norm(answers["embedding"], axis=1), 1, atol=1e-5)
    assert not image["embedding"][:, 8:].any()
    assert not text["embedding"][:, :8].any()


def test_pooling_takes_the_best_of_the_real_images_and_says_whose_it_is(folder: Path) -> None:
    from triton_models.export.runtimes import OnnxRuntime, OpenVino

    features = np.tile(np.array([[1, 0, 2, 0], [0, 3, 0, -1], [9, 9, 9, 9]], dtype=np.float32), 4)
    mask = np.array([1, 1, 0], dtype=np.uint8)

    for run in (OnnxRuntime(folder), OpenVino(folder, "f32")):
        pooled = run("image_pool", {"image_features": features, "image_mask": mask})

        np.testing.assert_array_equal(pooled["product_features"], np.tile([[1, 3, 2, 0]], 4))
        np.testing.assert_allclose(pooled["contribution"], [0.75, 0.25, 0])


def test_one_tensor_for_two_inputs_is_refused() -> None:
    import torch

    from triton_models.export.graphs import ImagePool
    from triton_models.export.onnx import to_onnx

    same = torch.ones((2, 4))

    with pytest.raises(ValueError, match="one tensor"):
        to_onnx(ImagePool(), {"image_features": same, "image_mask": same}, ["product_features", "contribution"])


def test_graphs_hold_no_trace_of_the_machine(folder: Path) -> None:
    for path in folder.glob("*.onnx"):
        content = path.read_bytes()
        assert b".py" not in content, path.name
        assert b"/home" not in content, path.name
