# SPDX-License-Identifier: Apache-2.0
"""`hangtag events`: what lies in the topics, decoded."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from consumer.cli.output import Output, OutputOption, json_text, visible

app = typer.Typer(
    help="Read records, decoded.",
    no_args_is_help=True,
    epilog="Example: hangtag events tail --topic product-attributes --output json",
)


class From(StrEnum):
    """Where reading starts."""

    BEGINNING = "beginning"
    END = "end"


@app.callback()
def _events() -> None:
    """Read records, decoded."""


@app.command(epilog="Example: hangtag events tail --topic product-attributes --key acme:42 --output json")
def tail(
    topic: Annotated[str, typer.Option(help="Topic to read.")],
    key: Annotated[str | None, typer.Option(help="Only records with this key, for example vendor:sku.")] = None,
    start: Annotated[From, typer.Option("--from", help="Where reading starts.")] = From.BEGINNING,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after this many records.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what comes later.")] = False,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for the broker.")] = 30,
    output: OutputOption = Output.TEXT,
) -> None:
    """Print the records of a topic up to its end as it is now. One JSON object a line with --output json."""
    from contextlib import closing

    from consumer.kafka.tail import Span
    from consumer.kafka.tail import tail as read
    from consumer.registry.opening import open_codec
    from consumer.registry.printed import Printer
    from consumer.settings import load_settings

    span = Span(topic, key, is_from_beginning=start is From.BEGINNING, limit=limit, is_following=follow)
    settings = load_settings()
    with (
        open_codec(settings.registry, settings.topics) as codec,
        closing(read(settings.kafka, span, timeout)) as deliveries,
    ):
        text_of = json_text if output is Output.JSON else _paragraph
        for record in map(Printer(codec).delivery, deliveries):
            print(text_of(record), flush=True)


def _paragraph(record: dict[str, Any]) -> str:
    place = f"{record['topic']}/{record['partition']}/{record['offset']}"
    value = visible(record["error"]) if "error" in record else json_text(record["value"], indent=2)
    return f"{record['timestamp']} {place} {visible(record['key'] or '-')}\n{value}"
