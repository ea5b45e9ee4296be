# SPDX-License-Identifier: Apache-2.0
"""`hangtag doctor`: whether a worker with these settings would run here."""

from __future__ import annotations

from typing import Annotated

import typer

from consumer.cli.findings import report
from consumer.cli.output import Output, OutputOption


def command(
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for each answer.")] = 30,
    output: OutputOption = Output.TEXT,
) -> None:
    """Try everything that `hangtag run` needs, with its settings, and say what to do about what does not work.

    What image URLs may reach, brokers' limits, topics, a join and transactions under throw-away names, Triton, the
    registry. No topic, no offset and no group at work is changed. Exit 1 where something has failed; warnings and what
    could not be read do not count. With --output json a list of {check, status, found, advice}, where status is ok,
    warning, failed or unknown.
    """
    from consumer.doctor.examination import examine
    from consumer.observability.logs import quiet_logs
    from consumer.settings import load_settings

    quiet_logs("error")  # what it provokes on purpose stands in the findings
    report(examine(load_settings(), timeout), output)
