# SPDX-License-Identifier: Apache-2.0
"""A drawn data set and random weights: all that training needs, without the data folder."""

from __future__ import annotations

import csv
import io
import string
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw

from consumer.bundle import SPECIAL_PIECES

if TYPE_CHECKING:
    from pathlib import Path

    from triton_models.training.recipe import Recipe, Sources

COLUMNS = ("id", "group", "gender", "articleType", "baseColour", "productDisplayName", "image_60x80", "image_large")
KINDS = (("Tshirts", "Men", "Red", "Acme Men Red Tshirt"), ("Dresses", "Women", "Blue", "Acme Women Blue Dress"))
ROWS = 320
#: A row of a kind that no crosswalk knows, and one whose photo is none.
UNKNOWN_KIND, NO_PHOTO = 200, 201

#: Enough steps to learn two kinds of product.
RECIPE = """
bundle = 4
side = 64
image_axes = 8
text_axes = 8

[image]
stages = [
  { epochs = 8, whole_px = [48, 36], detail_px = 32, trunk_rate = 0.0, head_rate = 3e-3 },
  { epochs = 6, whole_px = [64, 64], detail_px = 64, trunk_rate = 1e-4, head_rate = 3e-3 },
]
frozen_blocks = 17
hidden = 32
dim = 16
batch = 32

[text]
length = 16
layers = 2
epochs = 4
batch = 32
"""


@pytest.fixture(scope="session")
def drawn_sources(tmp_path_factory: pytest.TempPathFactory, _train_extra: None) -> Sources:
    """Two kinds of product that differ in shape, colour and words; some labels and photos are missing or unusable.

    Everything lies beside the data folder where the commands look for it.
    """
    from triton_models.training.recipe import default_sources

    root = tmp_path_factory.mktemp("shared")
    folder = root / "drawn"
    folder.mkdir()
    random = np.random.default_rng(4)
    with (
        (folder / "styles.csv").open("w", newline="") as table,
        zipfile.ZipFile(folder / "images_60x80.zip", "w") as archive,
    ):
        rows = csv.DictWriter(table, COLUMNS)
        rows.writeheader()
        for number in range(ROWS):
            kind, gender, colour, title = KINDS[number % 2]
            has_photo = number % 40 != 7
            known = "Spacesuit" if number == UNKNOWN_KIND else kind
            labels = ("" if number % 10 == 3 else gender, known, colour, f"{title} {number}", int(has_photo), 0)
            rows.writerow(dict(zip(COLUMNS, (number, number, *labels), strict=True)))
            if has_photo:
                archive.writestr(f"{number}.jpg", b"no photo" if number == NO_PHOTO else _photo(colour, random))
    sources = default_sources([folder], root / "text")
    for file in (sources.mobilenet_v2, sources.text_model / "vocab.txt", *sources.texts):
        file.parent.mkdir()
    _write_image_weights(sources.mobilenet_v2)
    _write_text_model(sources.text_model)
    for file in sources.texts:
        file.write_text('complex_color,simple_color,rgb\nbrick red,red,"(1, 2, 3)"\n')
    return sources


@pytest.fixture(scope="session")
def drawn_recipe_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("recipe") / "drawn.toml"
    file.write_text(RECIPE)
    return file


@pytest.fixture(scope="session")
def drawn_recipe(drawn_recipe_file: Path, _train_extra: None) -> Recipe:
    from triton_models.training.recipe import load_recipe

    return load_recipe(drawn_recipe_file)


def _photo(colour: str, random: np.random.Generator) -> bytes:
    picture = Image.new("RGB", (60, 80), "white")
    left, top, right, bottom = (int(value) for value in random.integers((5, 5, 35, 50), (20, 25, 55, 75)))
    ImageDraw.Draw(picture).rectangle((left, top, right, bottom), fill=colour.lower())
    body = io.BytesIO()
    picture.save(body, "JPEG")
    return body.getvalue()


def _write_image_weights(file: Path) -> None:
    import torch
    from torchvision.models import mobilenet_v2

    torch.manual_seed(5)
    network = mobilenet_v2(weights=None)
    # Without measured statistics the signal of random layers dies out.
    for norm in (module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        norm.momentum = 1.0
    with torch.no_grad():
        network.train()(torch.rand(8, 3, 64, 64) * 2 - 1)
    torch.save(network.state_dict(), file)


def _write_text_model(folder: Path) -> None:
    import torch
    from safetensors.torch import save_file

    characters = [*string.ascii_lowercase, *string.digits, *string.punctuation]
    words = ["acme", "men", "women", "red", "blue", "dress", "brand"]
    vocabulary = [*SPECIAL_PIECES, *characters, *(f"##{piece}" for piece in characters), *words]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    torch.manual_seed(6)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(vocabulary), 384),
        "embeddings.position_embeddings.weight": (512, 384),
        "embeddings.token_type_embeddings.weight": (2, 384),
    }
    linear = {"attention.self.query": (384, 384), "attention.self.key": (384, 384), "attention.self.value": (384, 384)}
    linear |= {"attention.output.dense": (384, 384), "intermediate.dense": (1536, 384), "output.dense": (384, 1536)}
    norms = ["embeddings.LayerNorm"]
    for layer in range(2):
        prefix = f"encoder.layer.{layer}"
        norms += [f"{prefix}.attention.output.LayerNorm", f"{prefix}.output.LayerNorm"]
        for name, shape in linear.items():
            shapes |= {f"{prefix}.{name}.weight": shape, f"{prefix}.{name}.bias": shape[:1]}
    state = {name: torch.randn(shape) * 0.05 for name, shape in shapes.items()}
    for norm in norms:
        state |= {f"{norm}.weight": torch.ones(384), f"{norm}.bias": torch.zeros(384)}
    save_file(state, folder / "model.safetensors")
