# SPDX-License-Identifier: Apache-2.0
"""`hangtag tag`: one product, without Kafka."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consumer.cli.local import DEFAULT_STATE, State
from consumer.cli.output import Output, OutputOption, json_text, visible

if TYPE_CHECKING:
    from consumer.tagging import Product

EXIT_FAILED = 1

#: Who sent a product that does not say; it shows in `source` of the answer.
VENDOR, SKU = "local", "1"


def command(
    title: Annotated[str | None, typer.Option(help="What the product is called.")] = None,
    brand: Annotated[str | None, typer.Option(help="Its brand.")] = None,
    description: Annotated[str | None, typer.Option(help="The vendor's text about it.")] = None,
    image: Annotated[
        list[str] | None, typer.Option(metavar="URL|FILE", help="A photo, best first; may be given several times.")
    ] = None,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE|-", help="JSON with fields of ProductEvent; - is stdin.")
    ] = None,
    state: State = DEFAULT_STATE,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for images and Triton, all in all.")] = 30,
    output: OutputOption = Output.TEXT,
) -> None:
    """Tag one product with what `hangtag run` would say, and print it.

    Asks the Triton of triton.grpc, else that of `hangtag local up`. The other options stand before the record's fields.
    A photo that is a file is read without a look at the URL rules; all other checks hold. Exit 1 when the record is no
    product.
    """
    from consumer.cli.tag_screen import print_tags
    from consumer.errors import Unprocessable
    from consumer.observability.logs import quiet_logs
    from consumer.registry.printed import printed_attributes
    from consumer.settings import load_settings
    from consumer.tagging import settings_for, tag

    given = {"title": title, "brand": brand, "description": description}
    product = _product({name: text for name, text in given.items() if text is not None}, image or [], record)
    quiet_logs()
    try:
        attributes = tag(settings_for(load_settings(), state), product, timeout)
    except Unprocessable as error:
        raise _failed(f"{error.reason}: {error}") from error
    fields = printed_attributes(attributes)
    if output is Output.JSON:
        print(json_text(fields))
    else:
        print_tags(fields)


def _product(given: dict[str, Any], images: list[str], record: Path | None) -> Product:
    from consumer.events import EventType
    from consumer.feeds.rows import BadRow, Row, read_events
    from consumer.tagging import Product

    if not given and not images and record is None:
        raise typer.BadParameter("there is nothing to tag; give --title, --image or --record")
    files = {path.resolve().as_uri(): path for image in images if (path := _file(image))}
    if images:
        given["image_urls"] = [path.resolve().as_uri() if (path := _file(image)) else image for image in images]
    fields = {"sku": SKU} | (_record(record) if record else {}) | given
    (row,) = read_events([Row(1, fields)], datetime.now(UTC), VENDOR)
    if isinstance(row, BadRow):
        raise _failed(f"the record is no product: {row.reason}")
    if row.event.event_type is EventType.DELETE:
        raise _failed("the record deletes its product; there is nothing to tag")
    return Product(row.event, files)


def _file(image: str) -> Path | None:
    """The file that an --image names; None for a URL."""
    if "://" in image:
        return None
    path = Path(image)
    if not path.is_file():
        raise typer.BadParameter(f"there is no file {image!r}, and a URL begins with https://", param_hint="--image")
    return path


def _record(path: Path) -> dict[str, Any]:
    from pydantic_core import from_json

    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}", param_hint="--record") from error
    try:
        fields = from_json(content)
    except ValueError as error:
        raise _failed(f"the record is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise _failed("the record is no JSON object")
    return fields


def _failed(why: str) -> typer.Exit:
    typer.echo(f"hangtag: {visible(why)}", err=True)
    return typer.Exit(EXIT_FAILED)
