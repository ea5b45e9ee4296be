# SPDX-License-Identifier: Apache-2.0
"""The command `hangtag`: one module per command group. Commands parse, call one function, map errors to exit codes."""

from __future__ import annotations

import signal
import sys

import typer
from typer.exceptions import Abort, TyperException

from consumer import __version__
from consumer.cli import demo, doctor, events, feed, images, local, models, run, schemas, tag, topics
from consumer.cli.output import ReaderLeft, checked_stdout
from consumer.errors import Fatal, Transient
from consumer.faults import plain

EXIT_REFUSED = 11
EXIT_BUG = 70
EXIT_INTERRUPTED = 130

EPILOG = """
Exit codes: 0 fine; 1 a check found something; 2 usage or settings; 3 some rows were bad; 10 fenced; 11 refused, or a
needed part is not there; 12 incompatible models; 13 stale generation, restart me; 70 a bug; 130 interrupted.
A reader of the output that has enough, as `| head -1`, ends any command but `run` with 0.
"""

app = typer.Typer(
    name="hangtag",
    help="Tags fashion products as they stream by.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"hangtag {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Print the version."),
) -> None:
    del version


app.command("demo", epilog="Example: hangtag demo --products 200 --seed 7 --output json")(demo.command)
app.command("doctor", epilog="Example: hangtag doctor --output json")(doctor.command)
app.command("run", epilog='Example: eval "$(hangtag local env)" && hangtag run')(run.command)
app.command("tag", epilog='Example: hangtag tag --title "Navy blue men\'s slim jeans" --image jeans.jpg')(tag.command)
app.add_typer(local.app, name="local")
app.add_typer(feed.app, name="feed")
app.add_typer(events.app, name="events")
app.add_typer(images.app, name="images")
app.add_typer(topics.app, name="topics")
app.add_typer(schemas.app, name="schemas")
app.add_typer(models.app, name="models")


def main() -> None:
    """Run the command line and exit with the documented status."""
    # A supervisor's stop cleans up as Ctrl-C does; `run` puts its own handler in place of it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with checked_stdout():
        status = _run()
    sys.exit(status)


def _run() -> int | None:
    """The status: of most commands that end well None, which is 0."""
    try:
        status: int | None = app(standalone_mode=False)
    except ReaderLeft:
        status = 0
    except Abort:
        status = EXIT_INTERRUPTED
    except TyperException as error:
        error.message = plain(error.message)
        error.show()  # type: ignore[attr-defined]  # usage errors show themselves; the public base does not say so
        status = error.exit_code
    except Fatal as error:
        status = _say(error, error.exit_code)
    except Transient as error:
        status = _say(error, EXIT_REFUSED)
    except KeyboardInterrupt:
        status = EXIT_INTERRUPTED
    except Exception:  # noqa: BLE001  # the outermost boundary: anything that comes here is a bug
        import traceback

        traceback.print_exc()
        status = EXIT_BUG
    return status


def _say(error: Exception, status: int) -> int:
    typer.echo(f"hangtag: {error}", err=True)
    return status
