# SPDX-License-Identifier: Apache-2.0
"""`hangtag models compare`: which of two bundles is better, and where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli.bars import progress_bars
from consumer.cli.models_options import (
    BlankTitlesOption,
    CacheOption,
    DataOption,
    InputsOption,
    PhotosOnlyOption,
    SpaceChoice,
    SpaceOption,
    SplitChoice,
    SplitOption,
    TitlesOnlyOption,
    chosen_inputs,
)
from consumer.cli.models_place import log_of_looks, models_cache, needs_extra
from consumer.cli.models_screen import exit_for
from consumer.cli.output import Output, OutputOption, name_some
from triton_models.training.shown import Inputs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from triton_models.training.compare import Comparison, Paired

_HEAD = ("task", "value", "n", "A", "B", "only A", "only B", "B less A", "p")


def compare(
    a: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder of a bundle, called A.")],
    b: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder of another one, called B.")],
    data: DataOption,
    split: SplitOption = SplitChoice.VALIDATION,
    space: SpaceOption = SpaceChoice.OURS,
    photos_only: PhotosOnlyOption = False,
    titles_only: TitlesOnlyOption = False,
    blank_titles: BlankTitlesOption = False,
    inputs: InputsOption = Inputs.ALL,
    cache: CacheOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Hold two bundles against each other on the same products, task by task and value by value.

    `only A` are the products that A alone has right; `p` is that of McNemar's exact test. A look at the test split is
    logged for both. Rows and photos that cannot be used are named, and the exit code is 3.
    """
    from consumer.bundle import load_bundle

    with needs_extra("train"):
        from triton_models.training.compare import Comparer
        from triton_models.training.scoring import Scope

    bundles = load_bundle(a), load_bundle(b)
    scope = Scope(split.value, space.value, chosen_inputs(inputs, photos_only, titles_only, blank_titles))
    logs = log_of_looks(bundles[0]), log_of_looks(bundles[1])
    with progress_bars() as progress:
        found = Comparer(bundles, cache or models_cache(), progress).compare(data, scope, logs)
    if output is Output.JSON:
        typer.echo(json.dumps(found.as_json()))
    else:
        typer.echo("\n".join(_page(found)))
    name_some(found.faults)
    exit_for(found.faults)


def _page(found: Comparison) -> Iterator[str]:
    yield (
        f"A is bundle {found.bundle_a}, B bundle {found.bundle_b}: {found.dataset}, split {found.split}, label space "
        f"{found.space}, {found.inputs}; {found.products:,} products"
    )
    yield f"| {' | '.join(_HEAD)} |"
    yield "|---" * len(_HEAD) + "|"
    for task, paired in found.tasks.items():
        yield _row(task, "", paired.whole)
        for value, part in paired.values.items():
            yield _row(task, value, part)
    if found.not_compared:
        yield f"not compared: {', '.join(found.not_compared)}"


def _row(task: str, value: str, paired: Paired) -> str:
    low, high = paired.ci95
    return (
        f"| {task} | {value} | {paired.n:,} | {paired.accuracy_a:.3f} | {paired.accuracy_b:.3f} | {paired.only_a} "
        f"| {paired.only_b} | {paired.difference:+.3f} ({low:+.3f} to {high:+.3f}) | {paired.p:.3g} |"
    )
