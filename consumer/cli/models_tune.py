# SPDX-License-Identifier: Apache-2.0
"""`hangtag models tune`: the starter, taught by photos of one's own."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli.bars import progress_bars
from consumer.cli.models_options import BundleOption, CacheOption, NewFolderOption
from consumer.cli.models_place import models_cache, needs_extra
from consumer.cli.models_screen import exit_for
from consumer.cli.output import Output, OutputOption, name_some

if TYPE_CHECKING:
    from triton_models.training.tune import Gain, Tuned

#: The first number of bundles that are not shipped.
_FIRST_OWN = 1001


def tune(
    data: Annotated[
        Path,
        typer.Option("--data", exists=True, file_okay=False, help="Folder of class folders, or with products.csv."),
    ],
    out: NewFolderOption,
    bundle: BundleOption = None,
    number: Annotated[int, typer.Option(min=1, help="Number of the new bundle; events carry it.")] = _FIRST_OWN,
    cache: CacheOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Teach a bundle's photo heads by photos of your own, 20 or more of each class; seconds to minutes.

    DIR holds a folder of photos for each category, or `products.csv` with the columns `image`, any of `category`,
    `target-gender`, `age-group`, `color`, `x-season`, `x-usage`, `sleeve-length-type`, and, where several photos show
    one product, `group`. Words are those of the ontology: ids or labels. A head that does not gain surely in
    cross-validation (p < .05) stays as it was. Of one that does, answers are accepted only from a confidence that 200
    photos or more have shown to be safe; with fewer, they are suggested. Rows, classes and photos that cannot be used
    are named, and the exit code is 3.
    """
    from consumer.bundle import starter_folder

    with needs_extra("train"):
        from triton_models.training.tune import Tuning

    with progress_bars() as progress:
        tuned = Tuning(bundle or starter_folder(), data, cache or models_cache(), progress).run(out, number)
    if output is Output.JSON:
        typer.echo(json.dumps({"out": str(out), **asdict(tuned)}))
    else:
        _print(tuned, out)
    name_some(tuned.faults)
    exit_for(tuned.faults)


def _print(tuned: Tuned, out: Path) -> None:
    typer.echo(f"bundle {tuned.bundle} is in {out}")
    for handle, gain in tuned.gains.items():
        low, high = gain.after.ci95
        typer.echo(
            f"{handle}: {gain.photos:,} photos of {gain.classes} classes, right {gain.before.accuracy:.3f} before, "
            f"{gain.after.accuracy:.3f} ({low:.3f}-{high:.3f}) after" + _consequence(gain)
        )


def _consequence(gain: Gain) -> str:
    if not gain.is_kept:
        return f"; no sure gain (p = {gain.p:.2g}), the head stays as it was"
    if not gain.has_new_thresholds:
        return "; answers to photos are suggested, not accepted: too few photos to tell when they are safe"
    return ""
