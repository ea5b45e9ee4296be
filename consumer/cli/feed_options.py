# SPDX-License-Identifier: Apache-2.0
"""What `hangtag feed push` takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consumer.feeds.formats import Format

_FORMATS = (
    "jsonl: one JSON object a line; csv: a table, see --mapping; google-merchant: tab-separated, RSS or Atom; "
    "shopify-csv: the product export."
)
_WAYS = "What is sent"
_FILE = "What the file does not say"

FileArgument = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The feed, gzip or not; no standard input.")
]
FormatOption = Annotated[Format, typer.Option("--format", help=_FORMATS)]
VendorOption = Annotated[str | None, typer.Option(help="vendor_id of rows that name none.")]
FeedOption = Annotated[
    str | None,
    typer.Option(help="Name of the feed, in its events and its state. Default: the file's, up to the first dot."),
]
StateOption = Annotated[
    Path | None,
    typer.Option(file_okay=False, help="Where what was sent is remembered. Default: the user's state folder."),
]
TimeoutOption = Annotated[float, typer.Option(min=0.1, help="Seconds to wait for the broker.")]

MappingOption = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="csv: TOML that says which column is which field; see docs/feeds.md.",
        rich_help_panel=_FILE,
    ),
]
DelimiterOption = Annotated[
    str | None, typer.Option(help="One character, or tab. Default: found out.", rich_help_panel=_FILE)
]
EncodingOption = Annotated[
    str | None,
    typer.Option(help="For example cp1252. Default: by the byte order mark, else UTF-8.", rich_help_panel=_FILE),
]
DeletedWhenOption = Annotated[
    str | None,
    typer.Option(metavar="COLUMN=VALUE", help="Rows that withdraw their product.", rich_help_panel=_FILE),
]

ChangedOnlyOption = Annotated[
    bool,
    typer.Option("--changed-only", help="Only what differs from what the broker has of it.", rich_help_panel=_WAYS),
]
FullFeedOption = Annotated[
    bool,
    typer.Option(
        "--full-feed",
        help="Withdraw products that left the feed. Sends nothing without --execute.",
        rich_help_panel=_WAYS,
    ),
]
ExecuteOption = Annotated[
    bool, typer.Option("--execute", help="With --full-feed: do it, not only plan it.", rich_help_panel=_WAYS)
]
AllowDeletesOption = Annotated[
    bool, typer.Option("--allow-deletes", help="Even if more than 10 % left the feed.", rich_help_panel=_WAYS)
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Check and count; send nothing.", rich_help_panel=_WAYS)]
