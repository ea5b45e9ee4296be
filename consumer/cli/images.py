# SPDX-License-Identifier: Apache-2.0
"""`hangtag images`: what would become of image URLs."""

from __future__ import annotations

import os
import shlex
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from consumer.cli.output import Output, OutputOption, ReaderLeft, json_text, visible
from consumer.cli.vendor import checked_vendor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.images.check import CheckedUrl
    from consumer.settings import ImageSettings

EXIT_NOT_ALL_OK = 1

app = typer.Typer(
    help="Ask what becomes of image URLs.",
    no_args_is_help=True,
    epilog="Example: hangtag images check https://cdn.example.org/1001.jpg",
)


@app.callback()
def _images() -> None:
    """Ask what becomes of image URLs."""


@app.command(epilog="Example: hangtag images check --file urls.txt --vendor acme --output json")
def check(
    urls: Annotated[list[str] | None, typer.Argument(metavar="URL...", help="As a vendor would send them.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|-",
            allow_dash=True,
            help="One URL a line; blank lines and those that begin with # do not count; - is stdin.",
        ),
    ] = None,
    vendor: Annotated[
        str | None, typer.Option(help="Whose lists of hosts hold. Default: those of a vendor without a list.")
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Fetch and decode image URLs with the settings of `hangtag run`, and say step by step what happened.

    Each is ok, refused (our own rules say no) or failed, with a reason; docs/images.md says what to do about it. Exit 1
    unless all are ok. With --output json a list of {url, verdict, reason, steps} in the order given.
    """
    if bool(urls) == (file is not None):
        raise typer.BadParameter("give either URLs or --file")
    given = _read(file) if file else list(map(_url, urls or ()))
    verdicts = _check(given, checked_vendor(vendor) or "", output)
    if verdicts.total() > verdicts["ok"]:
        raise typer.Exit(EXIT_NOT_ALL_OK)


def _check(urls: list[str], vendor_id: str, output: Output) -> Counter[str]:
    """Print what becomes of each, and count verdicts."""
    from consumer.images.check import check_urls
    from consumer.observability.logs import quiet_logs
    from consumer.settings import load_settings

    quiet_logs("error")  # what a warning would tell stands in the steps
    settings = load_settings().images
    verdicts: Counter[str] = Counter()

    def tell(checked: CheckedUrl) -> None:
        if output is Output.TEXT:
            print(_paragraph(checked), flush=True)
        else:
            print("," if verdicts else "[", _json(checked), sep="\n", end="", flush=True)
        verdicts[checked.verdict] += 1

    if output is Output.TEXT and (settings.allowed_hosts or settings.denied_hosts):
        print(_lists(vendor_id, settings), file=sys.stderr)
    try:
        check_urls(urls, vendor_id, settings, tell)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            print(f"interrupted: {verdicts.total():,} of {len(urls):,} checked", file=sys.stderr)
        if output is Output.JSON:
            with suppress(ReaderLeft):
                print("\n]" if verdicts else "[]")
        raise
    print(_sum(verdicts) if output is Output.TEXT else "\n]")
    return verdicts


def _lists(vendor_id: str, settings: ImageSettings) -> str:
    """Whose lists of hosts hold: a vendor that is misspelt has none."""
    from consumer.images.vendor_hosts import EVERYBODY, HeldLists

    held = HeldLists.of(vendor_id, settings)
    names = {vendor_id: "its own", EVERYBODY: f'those of "{EVERYBODY}"'}
    who = f"vendor {vendor_id}" if vendor_id else "no vendor"
    if vendor_id and vendor_id not in (held.allowed, *held.denied):
        who += " has no list of its own"
    allowed = names[held.allowed] if held.allowed else "any"
    denied = " and ".join(names[name] for name in held.denied) or "none"
    return f"{who}; allowed hosts: {allowed}; denied hosts: {denied}"


def _read(file: Path) -> list[str]:
    try:
        if str(file) == "-":
            urls = list(_urls(sys.stdin.buffer))
        else:
            with file.open("rb") as lines:
                urls = list(_urls(lines))
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror}", param_hint="--file") from error
    if not urls:
        raise typer.BadParameter("there is no URL in it", param_hint="--file")
    return urls


def _urls(lines: BinaryIO) -> Iterator[str]:
    """What the lines say. Of one that is too long for a URL the beginning is kept: enough to be refused for that."""
    from consumer.images.urls import MAX_URL_CHARACTERS

    kept_bytes = 4 * (MAX_URL_CHARACTERS + 1)
    while start := lines.readline(kept_bytes):
        rest = start
        while rest and not rest.endswith(b"\n"):
            rest = lines.readline(kept_bytes)
        url = start.decode(errors="backslashreplace").strip(" \t\r\n\ufeff")
        if url and not url.startswith("#"):
            yield url


def _url(argument: str) -> str:
    r"""The argument; with `\xff` in place of bytes that are no UTF-8, which no URL may hold either."""
    if "://" not in argument and os.path.isfile(argument):  # noqa: PTH113  # Path raises where a name is too long
        command = f"hangtag images check --file {shlex.quote(argument)}"
        raise typer.BadParameter(f"{visible(argument)} is a file: {visible(command)}")
    return argument.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _json(checked: CheckedUrl) -> str:
    steps = [step.as_dict() for step in checked.steps]
    return json_text({"url": checked.url, "verdict": checked.verdict, "reason": checked.reason, "steps": steps})


def _paragraph(checked: CheckedUrl) -> str:
    lines = [f"{checked.verdict:<9}{checked.url}" + (f"  {checked.reason}" if checked.reason else "")]
    for step in checked.steps:
        address = f" at {step.address}" if step.address else ""
        cause = f" ({step.why})" if step.why else ""
        lines.append(f"{'':9}{step.kind:<9}{step.target}{address}: {step.outcome}, {step.seconds:.3f} s{cause}")
    return "\n".join(map(visible, lines))


def _sum(verdicts: Counter[str]) -> str:
    words = (f"{verdicts[word]:,} {word}" for word in ("ok", "refused", "failed"))
    return f"{verdicts.total():,} checked: {', '.join(words)}"
