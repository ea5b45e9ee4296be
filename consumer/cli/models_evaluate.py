# SPDX-License-Identifier: Apache-2.0
"""`hangtag models evaluate`: how often a bundle is right on labelled products, and where it is not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli.bars import progress_bars
from consumer.cli.models_options import (
    BlankTitlesOption,
    BundleOption,
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
from consumer.cli.models_screen import exit_for, print_evaluation
from consumer.cli.output import Output, OutputOption, name_some
from consumer.errors import OptionInvalid, Refused
from triton_models.training.shown import Inputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.bundle import Bundle
    from triton_models.training.examine import Examined


def _must_end_in(*endings: str) -> Callable[[Path | None], Path | None]:
    def checked(path: Path | None) -> Path | None:
        if path and path.suffix not in endings:
            raise typer.BadParameter(f"{path} does not end in {' or '.join(endings)}")
        return path

    return checked


ReportOption = Annotated[
    Path | None,
    typer.Option(
        callback=_must_end_in(".html", ".md", ".json"),
        help="Also write the figures and their details to FILE.html, .md or .json.",
    ),
]
GalleryOption = Annotated[
    Path | None,
    typer.Option(
        callback=_must_end_in(".html"),
        help="Also write the surest mistakes with their photos to FILE.html: not for publishing.",
    ),
]
ProbeOption = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, help="ImageNet weights: also fit classifiers on frozen features."),
]


def evaluate(
    data: DataOption,
    bundle: BundleOption = None,
    split: SplitOption = SplitChoice.TEST,
    space: SpaceOption = SpaceChoice.OURS,
    photos_only: PhotosOnlyOption = False,
    titles_only: TitlesOnlyOption = False,
    blank_titles: BlankTitlesOption = False,
    inputs: InputsOption = Inputs.ALL,
    probe: ProbeOption = None,
    report: ReportOption = None,
    gallery: GalleryOption = None,
    cache: CacheOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Score a bundle's files on labelled products, every row answered.

    Rows and photos that cannot be used are named, and the exit code is 3. A look at the test split is logged beside the
    bundle, or in the user's folder when it is the one of the package.
    """
    from consumer.bundle import load_bundle

    with needs_extra("train"):
        from triton_models.training.examine import Examination, Examiner
        from triton_models.training.scoring import Scope

    shown = chosen_inputs(inputs, photos_only, titles_only, blank_titles)
    loaded = load_bundle(bundle)
    if gallery:
        _refuse_looks_at_the_test_split(data, split, loaded)
    asked = Examination(data, Scope(split.value, space.value, shown), probe, log_of_looks(loaded))
    with progress_bars() as progress:
        examined = Examiner(loaded, cache or models_cache(), progress).examine(asked)
    _write_pages(examined, report, gallery)
    found = examined.evaluation
    print_evaluation(found, output)
    name_some(found.faults)
    name_some(found.unknown_labels)
    exit_for(found.faults)


def _refuse_looks_at_the_test_split(data: Path, split: SplitChoice, bundle: Bundle) -> None:
    from triton_models.training.datasets import read_folder
    from triton_models.training.scoring import count_seen

    if split is SplitChoice.TEST:
        raise OptionInvalid("--gallery is for another split: who looks at mistakes learns from them")
    if split is SplitChoice.ALL and count_seen(bundle, read_folder(data).products):
        raise OptionInvalid("--gallery: the bundle learnt from some of these products, so others are its test split")


def _write_pages(examined: Examined, report: Path | None, gallery: Path | None) -> None:
    from triton_models.training.details import details_of
    from triton_models.training.gallery import gallery_text
    from triton_models.training.report import report_text

    found = examined.evaluation
    if report:
        by_task = {asked.question.task: details_of(asked) for asked in examined.tasks}
        _write(report, report_text(report.suffix, found, by_task))
    if gallery:
        title = f"Bundle {found.bundle} on {found.dataset}, split {found.split}, {found.inputs}"
        _write(gallery, gallery_text(title, examined.tasks))


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}") from error
