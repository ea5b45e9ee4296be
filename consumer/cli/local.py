# SPDX-License-Identifier: Apache-2.0
"""`hangtag local`: Kafka, Triton and an image host on this machine, in the background."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli.output import Output, OutputOption

if TYPE_CHECKING:
    from consumer.local.parts import PartsStatus

app = typer.Typer(
    no_args_is_help=True,
    help="Kafka, Triton and an image host on this machine, in the background.",
    epilog='Example: hangtag local up && eval "$(hangtag local env)" && hangtag run',
)


State = Annotated[
    Path,
    typer.Option("--state", envvar="HANGTAG_STATE", help="Folder of the parts: addresses, broker's files, logs."),
]
DEFAULT_STATE = Path(".state")


@app.command(epilog='Example: hangtag local up --images photos && eval "$(hangtag local env)" && hangtag run')
def up(
    state: State = DEFAULT_STATE,
    images: Annotated[
        Path | None, typer.Option(help="Folder that the image host serves; default: `images` in the state folder.")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of the bundle that Triton serves; default: the shipped starter.")
    ] = None,
) -> None:
    """Start what does not run yet, and return when all of it answers. The parts outlive the shell."""
    from consumer.local import parts

    running = parts.up(state, images=images, bundle=bundle, progress=_say)
    _print_table(running)
    _say(f'logs: {state / "logs"}; next: eval "$(hangtag local env{state_option(state)})"')


@app.command(epilog="Example: hangtag local down")
def down(state: State = DEFAULT_STATE) -> None:
    """Stop the parts, and remove what a crash left. Topics, logs and ports stay in the folder for the next `up`."""
    from consumer.local import parts

    stopped = parts.down(state)
    _say(f"stopped {', '.join(stopped)}" if stopped else f"nothing runs in {state}")


@app.command(epilog="Example: hangtag local status --output json")
def status(state: State = DEFAULT_STATE, output: OutputOption = Output.TEXT) -> None:
    """Print what runs, and where; null for a part that does not."""
    from consumer.local import parts

    running = parts.status(state)
    if output is Output.JSON:
        import json

        print(json.dumps(running.public(), indent=2))
    else:
        _print_table(running)


@app.command(epilog='Example: eval "$(hangtag local env)"')
def env(state: State = DEFAULT_STATE) -> None:
    """Print the settings that make `hangtag run` and the others use the parts."""
    from consumer.errors import Refused
    from consumer.local import parts

    variables = parts.environment(parts.status(state))
    if not variables:
        raise Refused(f"no parts run in {state}; to start them: hangtag local up{state_option(state)}")
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")


def _say(message: str) -> None:
    typer.echo(message, err=True)


def state_option(state: Path) -> str:
    """The option, as a shell takes it, that names this folder; nothing for the default one."""
    return "" if state == DEFAULT_STATE else f" --state {shlex.quote(str(state))}"


def _print_table(running: PartsStatus) -> None:
    for name, fields in running.public().items():
        line = "does not run" if fields is None else "  ".join(f"{key} {value}" for key, value in fields.items())
        print(f"{name:8}{line}")
