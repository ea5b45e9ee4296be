# SPDX-License-Identifier: Apache-2.0
"""`hangtag run`: the consumer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    health_port_file: Annotated[
        Path | None, typer.Option(help="Write the health port here once it is taken; for HANGTAG_HEALTH__PORT=0.")
    ] = None,
) -> None:
    """Consume product events, tag them and publish attributes, until stopped.

    Settings come from HANGTAG_* variables and the hangtag.toml of this folder (docs/settings.md). While Kafka or Triton
    is not there it waits, says so and is not ready. SIGTERM or Ctrl-C finishes what runs and leaves the group; a second
    one ends the process at once, which loses nothing.
    """
    import structlog

    from consumer.app import Service
    from consumer.cli.output import ReaderLeft
    from consumer.errors import Refused
    from consumer.kafka.signals import stop_on_signals
    from consumer.observability.logs import configure_logs
    from consumer.settings import load_settings, settings_file

    settings = load_settings()
    try:
        configure_logs(settings.log.level)
        structlog.get_logger().info("settings_read", file=settings_file())
        service = Service(settings)
        with stop_on_signals(service.request_stop):
            service.run(health_port_file)
    except ReaderLeft as error:
        raise Refused("standard output: nobody reads the log") from error
