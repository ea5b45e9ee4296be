# SPDX-License-Identifier: Apache-2.0
"""`hangtag models`: from labelled data to what Triton serves."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli.output import Output, OutputOption
from consumer.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress as Bars

    from triton_models.training.evaluate import Inputs
    from triton_models.training.progress import Progress
    from triton_models.training.scoring import Evaluation

EXIT_CHECK_FOUND_SOMETHING = 1
EXIT_SOME_ROWS_BAD = 3

app = typer.Typer(
    help="From labelled data to what Triton serves.",
    no_args_is_help=True,
    epilog="Example: hangtag models evaluate --data ../shared/data/fashion-product-images --output json",
)

DataOption = Annotated[
    Path,
    typer.Option(
        "--data", exists=True, file_okay=False, help="Folder with styles.csv or images.csv and image archives."
    ),
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


class SpaceChoice(StrEnum):
    """Which values a figure is about."""

    A = "A"
    B = "B"
    OURS = "ours"


class PrecisionChoice(StrEnum):
    """Arithmetic of the served CPU models."""

    AUTO = "auto"
    BF16 = "bf16"
    F32 = "f32"


@app.command(epilog="Example: hangtag models train --data ../shared/data/fashion-product-images --out build/bundle")
def train(
    data: Annotated[
        list[Path],
        typer.Option("--data", exists=True, file_okay=False, help="Folder of a data set; give one --data for each."),
    ],
    out: Annotated[Path, typer.Option(file_okay=False, help="Empty or new folder for the bundle.")],
    recipe: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Recipe file (TOML); default: the starter's.")
    ] = None,
    text_model: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="BERT weights; default: the installed package's.")
    ] = None,
    cache: CacheOption = None,
) -> None:
    """Train a bundle by a recipe and measure it: more than an hour on two idle cores for the starter's.

    Started again after a kill, it goes on where it was, at most ten minutes back. Rows and labels that cannot be used
    are named, and the exit code is 3.
    """
    with _extra("train"):
        from triton_models.training.measure import measure_bundle
        from triton_models.training.recipe import default_sources, load_recipe
        from triton_models.training.train import Trainer

    sources = default_sources(data, text_model)
    with _progress() as progress:
        trainer = Trainer(sources, load_recipe(recipe), cache or _cache(), progress)
        for line in (*trainer.notes, *trainer.faults):
            typer.echo(line, err=True)
        trainer.run(out)
        measure_bundle(out, sources, cache or _cache(), progress, _now())
    typer.echo(f"the bundle is in {out}; its figures are in {out / 'model_card.md'}")
    if trainer.faults:
        raise typer.Exit(EXIT_SOME_ROWS_BAD)


@app.command(epilog="Example: hangtag models evaluate --data ../shared/data/fashion-product-images --space B")
def evaluate(
    data: DataOption,
    bundle: BundleOption = None,
    split: Annotated[SplitChoice, typer.Option(help="Products to score; `all` for data that training never saw.")] = (
        SplitChoice.TEST
    ),
    space: Annotated[SpaceChoice, typer.Option(help="Label space: those of the published anchors, or ours.")] = (
        SpaceChoice.OURS
    ),
    photos_only: Annotated[bool, typer.Option("--photos-only", help="Show the model no titles.")] = False,
    titles_only: Annotated[bool, typer.Option("--titles-only", help="Show the model no photos.")] = False,
    blank_titles: Annotated[bool, typer.Option("--blank-titles", help="Send events with empty titles.")] = False,
    bare_titles: Annotated[
        bool, typer.Option("--bare-titles", help="Delete words that name a colour, a gender or a type from titles.")
    ] = False,
    probe: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="ImageNet weights: also fit classifiers on frozen features."),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Also write the figures to FILE.md or FILE.json.")] = None,
    cache: CacheOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Score a bundle's files on labelled products, every row answered.

    Rows and photos that cannot be used are named, and the exit code is 3. A look at the test split is logged beside the
    bundle, or in the user's folder when it is the one of the package.
    """
    from consumer.bundle import load_bundle

    with _extra("train"):
        from triton_models.training.examine import Examination, Examiner
        from triton_models.training.openings import openings_file
        from triton_models.training.report import write_report
        from triton_models.training.scoring import Scope

    inputs = _inputs(photos_only, titles_only, blank_titles, bare_titles)
    loaded = load_bundle(bundle)
    asked = Examination(
        data, Scope(split.value, space.value, inputs), probe, openings_file(loaded, _user_folder()), _now()
    )
    with _progress() as progress:
        found = Examiner(loaded, cache or _cache(), progress).examine(asked)
    if report:
        write_report(report, found)
    _print_evaluation(found, output)
    for fault in (*found.faults, *found.unknown_labels):
        typer.echo(fault, err=True)
    if found.faults:
        raise typer.Exit(EXIT_SOME_ROWS_BAD)


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


def _inputs(photos_only: bool, titles_only: bool, blank_titles: bool, bare_titles: bool) -> Inputs:
    from triton_models.training.evaluate import Inputs

    asked = {
        Inputs.PHOTOS_ONLY: photos_only,
        Inputs.TITLES_ONLY: titles_only,
        Inputs.BLANK_TITLES: blank_titles,
        Inputs.BARE_TITLES: bare_titles,
    }
    chosen = [inputs for inputs, wanted in asked.items() if wanted]
    if len(chosen) > 1:
        raise typer.BadParameter("choose one of --photos-only, --titles-only, --blank-titles, --bare-titles")
    return chosen[0] if chosen else Inputs.ALL


def _print_evaluation(evaluation: Evaluation, output: Output) -> None:
    if output is Output.JSON:
        typer.echo(json.dumps(evaluation.as_json()))
        return
    from triton_models.training.report import markdown

    typer.echo(markdown(evaluation), nl=False)


def _user_folder() -> Path:
    return Path(typer.get_app_dir("hangtag"))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _cache() -> Path:
    return _user_folder() / "features"


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
