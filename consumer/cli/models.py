# SPDX-License-Identifier: Apache-2.0
"""`hangtag models`: from labelled data to what Triton serves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from consumer.cli.bars import progress_bars
from consumer.cli.models_compare import compare
from consumer.cli.models_evaluate import evaluate
from consumer.cli.models_options import (
    BundleOption,
    CacheOption,
    DataFoldersOption,
    ImageWeightsOption,
    NewFolderOption,
    PrecisionChoice,
    RecipeOption,
    TextModelOption,
)
from consumer.cli.models_place import log_of_looks, models_cache, needs_extra, now
from consumer.cli.models_predict import predict
from consumer.cli.models_screen import exit_for, print_calibration
from consumer.cli.models_tune import tune
from consumer.cli.output import Output, OutputOption, name_some

EXIT_CHECK_FOUND_SOMETHING = 1

app = typer.Typer(
    help="From labelled data to what Triton serves.",
    no_args_is_help=True,
    epilog="Example: hangtag models evaluate --data ../shared/data/fashion-product-images --output json",
)


@app.command(epilog="Example: hangtag models train --data ../shared/data/fashion-product-images --out build/bundle")
def train(
    data: DataFoldersOption,
    out: NewFolderOption,
    recipe: RecipeOption = None,
    text_model: TextModelOption = None,
    image_weights: ImageWeightsOption = None,
    cache: CacheOption = None,
) -> None:
    """Train a bundle by a recipe and measure it: more than an hour on two idle cores for the starter's.

    Started again after a kill, it goes on where it was, at most ten minutes back. Rows, labels and photos that cannot
    be used are named, and the exit code is 3.
    """
    with needs_extra("train"):
        from triton_models.training.measure import measure_bundle
        from triton_models.training.recipe import default_sources, load_recipe
        from triton_models.training.train import Trainer

    sources = default_sources(data, text_model, image_weights)
    with progress_bars() as progress:
        trainer = Trainer(sources, load_recipe(recipe), cache or models_cache(), progress)
        name_some(trainer.notes)
        name_some(trainer.faults)
        trainer.run(out)
        measure_bundle(out, sources, cache or models_cache(), progress, now())
    name_some(trainer.undecodable)
    typer.echo(f"the bundle is in {out}; its figures are in {out / 'model_card.md'}")
    exit_for((*trainer.faults, *trainer.undecodable))


app.command(epilog="Example: hangtag models evaluate --data ../shared/data/fashion-product-images --space B")(evaluate)
app.command(epilog="Example: hangtag models tune --data my-photos --out build/mine --number 1001")(tune)
app.command(epilog="Example: hangtag models predict photos/ --table products.csv --out tags.csv")(predict)
app.command(
    epilog="Example: hangtag models compare build/old build/new --data ../shared/data/fashion-product-images --space A"
)(compare)


@app.command(
    epilog="Example: hangtag models calibrate --data ../shared/data/fashion-product-images --out build/calibrated"
)
def calibrate(
    data: DataFoldersOption,
    out: Annotated[Path, typer.Option(file_okay=False, help="Empty or new folder for the new bundle.")],
    bundle: BundleOption = None,
    only: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="File of products, one DATASET/ID a line; default: all."),
    ] = None,
    cache: CacheOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Fit temperatures and thresholds anew on the calibration split, into a copy of the bundle.

    A temperature is kept only where the validation split gains by it. Products of another split are refused. Rows,
    labels and photos that cannot be used are named, and the exit code is 3.
    """
    from consumer.bundle import starter_folder

    with needs_extra("train"):
        from triton_models.training.recalibrate import Recalibration

    keys = _keys(only) if only else None
    with progress_bars() as progress:
        found = Recalibration(bundle or starter_folder(), data, cache or models_cache(), progress).run(out, keys)
    print_calibration(found, out, output)
    name_some(found.faults)
    exit_for(found.faults)


@app.command(epilog="Example: hangtag models export --data ../shared/data/fashion-product-images --out build/bundle")
def export(
    data: DataFoldersOption,
    out: NewFolderOption,
    recipe: RecipeOption = None,
    text_model: TextModelOption = None,
    image_weights: ImageWeightsOption = None,
    cache: CacheOption = None,
) -> None:
    """Write the bundle of a run that has finished, calibration folded in, without measuring it; `train` does both.

    Rows, labels and photos that cannot be used are named, and the exit code is 3.
    """
    with needs_extra("train"):
        from triton_models.training.recipe import default_sources, load_recipe
        from triton_models.training.train import Trainer

    with progress_bars() as progress:
        trainer = Trainer(
            default_sources(data, text_model, image_weights), load_recipe(recipe), cache or models_cache(), progress
        )
        name_some(trainer.faults)
        trainer.export(out)
    name_some(trainer.undecodable)
    typer.echo(f"the bundle is in {out}")
    exit_for((*trainer.faults, *trainer.undecodable))


@app.command(epilog="Example: hangtag models repository --out build/repository --precision auto")
def repository(
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder of the model repository.")],
    bundle: BundleOption = None,
    precision: Annotated[PrecisionChoice, typer.Option(help="auto: bf16 where this CPU computes it.")] = (
        PrecisionChoice.AUTO
    ),
    profile: Annotated[str, typer.Option(help="cpu: ONNX through OpenVINO in the Python backend.")] = "cpu",
) -> None:
    """Write the folders that Triton serves."""
    from consumer.bundle import starter_folder
    from triton_models.export.repository import build_repository

    build_repository(bundle or starter_folder(), out, precision=precision.value, profile=profile)
    typer.echo(f"model repository is in {out}")


@app.command(epilog="Example: hangtag models verify --bundle build/bundle --data ../shared/data/clothing-dataset")
def verify(
    bundle: BundleOption = None,
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", exists=True, file_okay=False, help="Also measure the card's figures anew; repeatable."),
    ] = None,
    cache: CacheOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Check every file's hash, and that the graphs answer the canary as the manifest says; exit 1 on a fault.

    With --data the figures of the test split are measured anew and held against metrics.json.
    """
    from consumer.bundle import load_bundle, starter_folder

    folder = bundle or starter_folder()
    with needs_extra("local"):
        from triton_models.export.verify import find_faults

        faults = find_faults(folder)
    if data and not faults:
        with needs_extra("train"):
            from triton_models.training.reproduce import find_differences
        loaded = load_bundle(folder)
        with progress_bars() as progress:
            faults = find_differences(loaded, data, log_of_looks(loaded), cache or models_cache(), progress)
    if output is Output.JSON:
        typer.echo(json.dumps({"bundle": str(folder), "faults": faults}))
    else:
        typer.echo("\n".join(faults) or f"{folder}: sound")
    if faults:
        raise typer.Exit(EXIT_CHECK_FOUND_SOMETHING)


def _keys(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"cannot be read: {error}", param_hint="--only") from error
    return [line.strip() for line in lines if line.strip()]
