# SPDX-License-Identifier: Apache-2.0
"""`hangtag local`: Kafka, Triton and an image host on this machine, in the background."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from consumer.local.parts import PartsStatus

app = typer.Typer(no_args_is_help=True, help="Kafka, Triton and an image host on this machine, in the background.")


class Output(StrEnum):
    """How data is printed."""

    TEXT = "text"
    JSON = "json"


State = Annotated[
    Path,
    typer.Option("--state", envvar="HANGTAG_STATE", help="Folder of the parts: addresses, broker's files, logs."),
]
OutputFormat = Annotated[Output, typer.Option("--output", help="text for people, json for programs.")]
DEFAULT_STATE = Path(".state")


@app.command()
def up(
    state: State = DEFAULT_STATE,
    images: Annotated[
        Path | None, typer.Option(help="Folder that the image host serves; default: `images` in the state folder.")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of the bundle that Triton serves; default: the shipped starter.")
    ] = None,
) -> None:
    """Start what does not run yet, and return when all of it answers. The parts outlive the shell.

    Example: hangtag local up --images photos && eval "$(hangtag local env)" && hangtag run
    """
    from consumer.local import parts

    running = parts.up(state, images=images, bundle=bundle, progress=_say)
    _print_table(running)
    _say(f"logs: {state / 'logs'}; next: {_env_command(state)}")


@app.command()
def down(state: State = DEFAULT_STATE) -> None:
    """Stop the parts, and remove what a crash left. Topics, logs and ports stay in the folder for the next `up`.

    Example: hangtag local down
    """
    from consumer.local import parts

    parts.down(state)


@app.command()
def status(state: State = DEFAULT_STATE, output: OutputFormat = Output.TEXT) -> None:
    """Print what runs, and where; null for a part that does not.

    Example: hangtag local status --output json
    """
    from consumer.local import parts

    running = parts.status(state)
    if output is Output.JSON:
        import json

        print(json.dumps(running.public(), indent=2))
    else:
        _print_table(running)


@app.command()
def env(state: State = DEFAULT_STATE) -> None:
    """Print the settings that make `hangtag run` and the others use the parts.

    Example: eval "$(hangtag local env)"
    """
    import shlex

    from consumer.errors import Refused
    from consumer.local import parts

    variables = parts.environment(parts.status(state))
    if not variables:
        raise Refused(f"no parts run in {state}; to start them: hangtag local up --state {state}")
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")


def _say(message: str) -> None:
    typer.echo(message, err=True)


def _env_command(state: Path) -> str:
    option = "" if state == DEFAULT_STATE else f" --state {state}"
    return f'eval "$(hangtag local env{option})"'


def _print_table(running: PartsStatus) -> None:
    for name, fields in running.public().items():
        line = "does not run" if fields is None else "  ".join(f"{key} {value}" for key, value in fields.items())
        print(f"{name:8}{line}")
