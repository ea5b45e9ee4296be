# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from consumer.errors import OptionInvalid, Refused
from triton_models.training.backbones import BACKBONES, fold_norms, weights_for
from triton_models.training.image_tower import ImageTower, load_image_trunk
from triton_models.training.recipe import ImageRecipe

SIDE = 64


@pytest.mark.parametrize("name", BACKBONES)
def test_a_folded_network_answers_as_before_and_has_no_batch_norm_left(name: str) -> None:
    torch.manual_seed(1)
    blocks = BACKBONES[name].blocks(None)
    for norm in (module for module in blocks.modules() if isinstance(module, nn.BatchNorm2d)):
        norm.running_mean = torch.randn(norm.num_features) * 0.1
        norm.running_var = torch.rand(norm.num_features) + 0.5
    pixels = torch.randn(2, 3, SIDE, SIDE, dtype=torch.float64)

    with torch.inference_mode():
        before = blocks.double().eval()(pixels)
        after = fold_norms(blocks)(pixels)

    assert before.shape[1] == BACKBONES[name].dim
    torch.testing.assert_close(after, before, rtol=1e-6, atol=1e-9)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in blocks.modules())


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_learns_of_one_picture_behind_the_same_contract(name: str) -> None:
    torch.manual_seed(1)
    tower = ImageTower(load_image_trunk(name, None, frozen=1), ImageRecipe(stages=(), hidden=16, dim=8))
    image = torch.randint(0, 256, (1, 2, SIDE, SIDE, 3), dtype=torch.uint8)

    tower(image).square().sum().backward()

    assert tower(image).shape == (1, 8)
    assert not any(parameter.requires_grad for parameter in tower.trunk.stem.parameters())
    gradients = [parameter.grad for parameter in tower.trunk.features.parameters()]
    assert gradients
    assert all(gradient is not None for gradient in gradients)


def test_both_views_of_a_picture_go_through_the_same_network() -> None:
    trunk = load_image_trunk("small", None, frozen=0)
    levels = torch.randint(0, 256, (3, 2, SIDE, SIDE, 3), dtype=torch.uint8)
    maps = [levels[:, view].permute(0, 3, 1, 2).to(torch.float32) for view in range(2)]

    torch.testing.assert_close(trunk(levels), torch.cat([trunk.view(view) for view in maps], 1))


@pytest.mark.parametrize(
    ("name", "weights", "frozen", "error", "named"),
    [
        ("vgg", None, 0, OptionInvalid, "there are mobilenet_v2, resnet50, small"),
        ("mobilenet_v2", None, 19, OptionInvalid, "19 blocks"),
        ("mobilenet_v2", Path("/nowhere.pth"), 0, Refused, "nowhere.pth is not there"),
        ("small", Path("/nowhere.pth"), 0, OptionInvalid, "from scratch"),
    ],
    ids=["unknown", "nothing left to learn", "no file", "weights for what has none"],
)
def test_what_cannot_be_built_is_refused_by_name(
    name: str, weights: Path | None, frozen: int, error: type[Exception], named: str
) -> None:
    with pytest.raises(error, match=named):
        load_image_trunk(name, weights, frozen)


def test_a_backbone_starts_from_the_file_that_is_given_and_mobilenet_from_its_own() -> None:
    given, own = Path("given.pth"), Path("own.pth")

    assert weights_for("resnet50", given, own) == given
    assert weights_for("mobilenet_v2", given, own) == given
    assert weights_for("mobilenet_v2", None, own) == own
    assert weights_for("small", None, own) is None
    with pytest.raises(OptionInvalid, match="--image-weights"):
        weights_for("resnet50", None, own)
