# SPDX-License-Identifier: Apache-2.0
"""What is decided on frozen features, and what the shipped bundle looks at: `make bench-models`.

A dense part with its heads learns on features of the ImageNet trunk, which sees photos as the main stage of the recipe
does. All is learnt from the training split and measured on the validation split; the test split is not read, but by
`home`, which judges every home photo by a tower that never saw its sender, and is no figure of a bundle. Features
and what was learnt are kept in the cache: a killed bench goes on.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from consumer.bundle import load_bundle
from consumer.cli.models_place import models_cache
from tests.bench.models.home import report as report_home
from tests.bench.models.learning import Asked, Learning
from tests.bench.models.look_learning import report as report_looks
from tests.bench.models.precision import report as report_precision
from tests.bench.models.shortcuts import report as report_shortcuts
from tests.support.data import DEFAULT
from triton_models.training.dense_training import DenseRecipe, Weighing
from triton_models.training.labels import FLOORS
from triton_models.training.recipe import default_sources, load_recipe

if TYPE_CHECKING:
    from collections.abc import Callable

PARTS = {
    "twins": "all tasks at once against each alone",
    "neighbours": "whether what lies side by side is alike, by all tasks and by one alone",
    "curve": "1/16 to all of the training families",
    "choices": "class weights, sum of losses, label smoothing, dropout: one changed at a time",
    "looks": "photos shown larger, smaller, on other margins, with another second view",
    "precision": "the shipped bundle in other runtimes and precisions",
    "shortcuts": "the shipped bundle with parts of the photos hidden",
    "home": "photos taken at home, five-fold by sender, half an hour; `hangtag models train` comes before it",
}
FROZEN_PARTS = ("twins", "neighbours", "curve", "choices")
DATASETS = ("fashion-product-images", "clothing-dataset")
#: Seconds between two lines about one step.
_SAY_EVERY_S = 20.0


class Said:
    """Progress on standard error."""

    def of(self, step: str) -> Callable[[int, int], None]:
        """A reporter that speaks now and then, and of the end."""
        spoke = -math.inf

        def report(done: int, total: int) -> None:
            nonlocal spoke
            if done == total or time.monotonic() - spoke >= _SAY_EVERY_S:
                spoke = time.monotonic()
                print(f"{step}: {done:,} of {total:,}", file=sys.stderr, flush=True)

        return report


def main() -> None:
    """The parts in turn, each a few tables."""
    options = _parser().parse_args()
    torch.set_num_threads(options.threads)
    catalogue = options.data / DATASETS[0]
    recipe, sources = load_recipe(), default_sources([options.data / name for name in DATASETS])
    dense = DenseRecipe(replace(recipe.image, batch=options.batch), options.epochs, weighing=options.weighing)
    asked = Asked(options.share, tuple(options.twins), options.cache, options.drawings)
    if parts := [part for part in options.parts if part in FROZEN_PARTS]:
        learning = Learning(sources, recipe, dense, asked, Said())
        for part in parts:
            _print(learning.report(part))
    if "looks" in options.parts:
        _print(report_looks(default_sources([catalogue]), recipe, dense, asked, Said()))
    if "precision" in options.parts:
        _print(report_precision(load_bundle(options.bundle), catalogue, options.products, Said()))
    if "shortcuts" in options.parts:
        _print(report_shortcuts(load_bundle(options.bundle), catalogue, options.products, Said()))
    if "home" in options.parts:
        _print(report_home(sources, recipe, options.cache, Said()))
    print(f"{time.process_time() / 60:.1f} minutes of CPU time", file=sys.stderr)


def _print(lines: list[str]) -> None:
    print(*lines, "", sep="\n", flush=True)


def _parser() -> argparse.ArgumentParser:
    about = "\n".join(f"  {part:<12}{what}" for part, what in PARTS.items())
    parser = argparse.ArgumentParser(
        "python -m tests.bench.models",
        description=__doc__,
        epilog=f"parts:\n{about}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--parts",
        type=_parts,
        default=[*FROZEN_PARTS, "looks", "precision", "shortcuts"],
        help=f"of {','.join(PARTS)}; all but home unless told",
    )
    add("--data", type=Path, default=Path(os.environ.get("HANGTAG_DATA", DEFAULT)), help=f"with {', '.join(DATASETS)}")
    add("--cache", type=Path, default=models_cache(), help="of views, features and runs (%(default)s)")
    add("--drawings", type=Path, help="folder for the first layer's filters and planes of products, as SVG")
    add("--share", type=_share, default=0.5, help="of the training families, for all parts but the curve (%(default)g)")
    add("--twins", nargs="+", default=[], choices=FLOORS, metavar="TASK", help="learnt alone; all unless told")
    add(
        "--weighing", type=Weighing, choices=list(Weighing), default=Weighing.AS_TRAINED, help="of losses (%(default)s)"
    )
    add("--epochs", type=float, default=8.0, help="passes over the rows (%(default)g)")
    add("--batch", type=int, default=256, help="products a step (%(default)s)")
    add("--threads", type=int, default=1, help="of torch (%(default)s)")
    add("--products", type=int, default=1_000, help="that the bundle is asked about (%(default)s)")
    add("--bundle", type=Path, help="its folder; the starter unless told")
    return parser


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and at most 1")
    return value


def _parts(text: str) -> list[str]:
    """Of `twins,curve`."""
    names = text.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        raise argparse.ArgumentTypeError(f"no part is called {unknown[0]!r}; there are {', '.join(PARTS)}")
    return [part for part in PARTS if part in names]


if __name__ == "__main__":
    main()
