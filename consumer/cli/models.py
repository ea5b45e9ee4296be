# SPDX-License-Identifier: Apache-2.0
"""`hangtag models`: from labelled data to what Triton serves."""

from __future__ import annotations

import json
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli.output import Output, OutputOption
from consumer.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress as Bars

    from triton_models.training.evaluate import Evaluation, Inputs
    from triton_models.training.progress import Progress

EXIT_CHECK_FOUND_SOMETHING = 1

app = typer.Typer(help="From labelled data to what Triton serves.", no_args_is_help=True)

DataOption = Annotated[
    Path, typer.Option("--data", exists=True, file_okay=False, help="Folder with styles.csv and image archives.")
]
BundleOption = Annotated[
    Path | None,
    typer.Option("--bundle", exists=True, file_okay=False, help="Folder of a bundle; default: the starter."),
]
CacheOption = Annotated[
    Path | None, typer.Option("--cache", help="Where image features are kept; default: the user's cache folder.")
]


class SplitChoice(StrEnum):
    """Which products are scored; `all` is for data that training never saw."""

    TEST = "test"
    VALIDATION = "validation"
    CALIBRATION = "calibration"
    TRAIN = "train"
    ALL = "all"


class PrecisionChoice(StrEnum):
    """Arithmetic of the served CPU models."""

    AUTO = "auto"
    BF16 = "bf16"
    F32 = "f32"


@app.command(epilog="Example: hangtag models train --data ../shared/data/fashion-product-images --out build/bundle")
def train(
    data: DataOption,
    out: Annotated[Path, typer.Option(file_okay=False, help="Empty or new folder for the bundle.")],
    bundle: Annotated[int, typer.Option(min=1, help="Number of the bundle.")] = 1,
    text_model: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="BERT weights; default: the installed package's.")
    ] = None,
    training_photos: Annotated[
        int | None, typer.Option(min=1, help="Photos of the training split to learn from; default: all.")
    ] = None,
    cache: CacheOption = None,
) -> None:
    """Train the first recipe: frozen feature extractors, linear heads. Minutes, most of them for image features."""
    with _extra("train"):
        from triton_models.training.recipe import Recipe, default_sources
        from triton_models.training.train import Trainer

    recipe = Recipe(bundle=bundle, training_photos=training_photos)
    with _progress() as progress:
        Trainer(default_sources(data, text_model), recipe, cache or _cache(), progress).run(out)
    typer.echo(f"bundle {bundle} is in {out}; its figures are in {out / 'model_card.md'}")


@app.command(epilog="Example: hangtag models evaluate --data ../shared/data/fashion-product-images --photos-only")
def evaluate(
    data: DataOption,
    bundle: BundleOption = None,
    split: Annotated[SplitChoice, typer.Option(help="Products to score; `all` for data that training never saw.")] = (
        SplitChoice.TEST
    ),
    photos_only: Annotated[bool, typer.Option("--photos-only", help="Show the model no titles.")] = False,
    titles_only: Annotated[bool, typer.Option("--titles-only", help="Show the model no photos.")] = False,
    blank_titles: Annotated[bool, typer.Option("--blank-titles", help="Send events with empty titles.")] = False,
    cache: CacheOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Score a bundle's files at full coverage, in its own label spaces (gender: the three target genders)."""
    from consumer.bundle import load_bundle

    with _extra("train"):
        from triton_models.training.evaluate import Evaluator, select_products
        from triton_models.training.evaluate import evaluate as score
        from triton_models.training.labels import load_crosswalk

    inputs = _inputs(photos_only, titles_only, blank_titles)
    loaded = load_bundle(bundle)
    with _progress() as progress:
        products = select_products(data, split)
        answers = Evaluator(loaded, cache or _cache(), progress).answer(products, inputs)
    _print_evaluation(score(loaded, products, answers, load_crosswalk(products[0].dataset), split), output)


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


@app.command(epilog="Example: hangtag models verify --bundle build/bundle")
def verify(bundle: BundleOption = None, output: OutputOption = Output.TEXT) -> None:
    """Check every file's hash, and that the graphs answer the canary as the manifest says; exit 1 on a fault."""
    from consumer.bundle import starter_folder
    from triton_models.export.verify import find_faults

    folder = bundle or starter_folder()
    with _extra("local"):
        faults = find_faults(folder)
    if output is Output.JSON:
        typer.echo(json.dumps({"bundle": str(folder), "faults": faults}))
    else:
        typer.echo("\n".join(faults) or f"{folder}: sound")
    if faults:
        raise typer.Exit(EXIT_CHECK_FOUND_SOMETHING)


@contextmanager
def _extra(name: str) -> Iterator[None]:
    """Say which extra is missing where a package is. Raises Refused."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise Refused(f"{error.name} is missing; to install it: pip install 'hangtag[{name}]'") from error


def _inputs(photos_only: bool, titles_only: bool, blank_titles: bool) -> Inputs:
    from triton_models.training.evaluate import Inputs

    asked = {Inputs.PHOTOS_ONLY: photos_only, Inputs.TITLES_ONLY: titles_only, Inputs.BLANK_TITLES: blank_titles}
    chosen = [inputs for inputs, wanted in asked.items() if wanted]
    if len(chosen) > 1:
        raise typer.BadParameter("choose one of --photos-only, --titles-only, --blank-titles")
    return chosen[0] if chosen else Inputs.ALL


def _print_evaluation(evaluation: Evaluation, output: Output) -> None:
    if output is Output.JSON:
        typer.echo(json.dumps(evaluation.as_json()))
        return
    typer.echo(f"bundle {evaluation.bundle}, split {evaluation.split}, label space {evaluation.space}")
    typer.echo(f"seen in training: {evaluation.n_seen_in_training}")
    for task, figures in evaluation.tasks.items():
        low, high = figures.ci95
        typer.echo(
            f"{task:8} accuracy {figures.accuracy:.3f} ({low:.3f}-{high:.3f}), macro-F1 {figures.macro_f1:.3f}, "
            f"top 3 {figures.top3:.3f}, ECE {figures.ece:.3f}, coverage at .90 {figures.coverage_at_p90:.2f}, "
            f"n {figures.n}, skipped {evaluation.skipped[task]}"
        )


def _cache() -> Path:
    return Path(typer.get_app_dir("hangtag")) / "features"


@contextmanager
def _progress() -> Iterator[Progress]:
    """Bars on a terminal, nothing elsewhere: logs of a build need no thousand lines."""
    from rich.console import Console

    from triton_models.training.progress import Silent

    console = Console(stderr=True)
    if not console.is_terminal:
        yield Silent()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=console) as bars:
        yield _Terminal(bars)


class _Terminal:
    """One bar per step."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars

    def of(self, step: str) -> Callable[[int, int], None]:
        """A reporter that moves the step's bar."""
        bar = self._bars.add_task(step, total=None)
        return lambda done, total: self._bars.update(bar, completed=done, total=total)
