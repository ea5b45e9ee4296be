# SPDX-License-Identifier: Apache-2.0
"""`hangtag models predict`: tags for a folder of photos, as a table."""

from __future__ import annotations

import csv
import io
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli.bars import progress_bars
from consumer.cli.models_options import BundleOption
from consumer.cli.models_place import needs_extra
from consumer.cli.models_screen import exit_for
from consumer.cli.output import Output, OutputOption, json_text, name_some
from consumer.errors import OptionInvalid, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from consumer.attributes import Attribute, Category, ProductAttributes, Value


def predict(
    folder: Annotated[Path, typer.Argument(metavar="DIR", exists=True, file_okay=False, help="Folder of photos.")],
    table: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="CSV with columns named as fields of ProductEvent."),
    ] = None,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="Write here instead of standard output.")] = None,
    bundle: BundleOption = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Tag every photo below a folder, or every row of a table, by a bundle's files: no Kafka, no Triton.

    A row of the table has a `sku`, may have `title`, `brand`, `description` and other fields, and names its photos in
    `image_urls`, as paths in the folder with blanks between them. Without a table each photo is a product.

    The answer is a CSV, a row a product: the category, then each attribute, with status and confidence. Of what would
    not be published the likeliest value stands there, as `abstained`. With `--output json` a line a product, the whole
    event. Rows and photos that cannot be used are named, and the exit code is 3.
    """
    from consumer.bundle import load_bundle
    from consumer.observability.logs import quiet_logs
    from consumer.settings import load_settings

    with needs_extra("train"):
        from consumer.predicting import photos_of, predict, table_of

    catalogue = table_of(table, folder) if table else photos_of(folder, datetime.now(UTC))
    if not catalogue.products:
        name_some(catalogue.faults)
        raise OptionInvalid(f"there is no product in {table}" if table else f"there is no photo below {folder}")
    quiet_logs()
    faults = [*catalogue.faults]
    with progress_bars() as progress, _lines(out) as put:
        found = predict(load_bundle(bundle), load_settings(), catalogue.products, progress.of("products"))
        _write(_watched(found, faults), put, output)
    name_some(faults)
    exit_for(faults)


def _watched(found: Iterable[ProductAttributes], faults: list[str]) -> Iterator[ProductAttributes]:
    """The same, once their lost photos are among the faults."""
    for attributes in found:
        faults += [
            f"{attributes.source.sku}: {image.url}: {image.reason}" for image in attributes.images if image.reason
        ]
        yield attributes


@contextmanager
def _lines(out: Path | None) -> Iterator[Callable[[str], None]]:
    """Takes lines for standard output, or for a file that is there when it is whole.

    Raises Refused where it cannot be written.
    """
    if out is None:
        yield partial(print, flush=True)
        return
    part = out.with_name(f"{out.name}.part")

    def put(line: str) -> None:
        with _told(out):
            print(line, file=file, flush=True)

    try:
        with _told(out):
            file = part.open("w", encoding="utf-8", newline="")
        with file:
            yield put
        with _told(out):
            part.replace(out)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _told(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}") from error


def _write(found: Iterator[ProductAttributes], put: Callable[[str], None], output: Output) -> None:
    if output is Output.JSON:
        from consumer.registry.printed import printed_attributes

        for attributes in found:
            put(json_text(printed_attributes(attributes)))
        return
    header: Sequence[str] | None = None
    for attributes in found:
        row = dict(_cells(attributes))
        if header is None:
            header = tuple(row)
            put(_line(header))
        put(_line([row[name] for name in header]))


def _line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _cells(attributes: ProductAttributes) -> Iterator[tuple[str, str]]:
    yield "sku", attributes.source.sku
    yield "status", attributes.status.lower()
    yield from _category_cells(attributes.category)
    for attribute in attributes.attributes:
        yield from _attribute_cells(attribute)


def _category_cells(category: Category) -> Iterator[tuple[str, str]]:
    depth = (category.breadcrumb or "").count(" > ")
    yield "category", category.breadcrumb or ""
    yield "category.status", category.status.lower()
    yield "category.confidence", _share(category.confidences[depth] if category.breadcrumb else None)


def _attribute_cells(attribute: Attribute) -> Iterator[tuple[str, str]]:
    said = attribute.values or attribute.alternatives[:1]
    yield attribute.handle, ", ".join(map(_words, said))
    yield f"{attribute.handle}.status", attribute.status.lower()
    yield f"{attribute.handle}.confidence", _share(said[0].confidence if said else None)


def _words(value: Value) -> str:
    return f"{value.label} ({value.shade_label})" if value.shade_label else value.label


def _share(confidence: float | None) -> str:
    # Nobody measured what vendors and lexicons are worth: their suggestions have no confidence.
    return f"{confidence:.2f}" if confidence else ""
