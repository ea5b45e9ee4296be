# SPDX-License-Identifier: Apache-2.0
"""`hangtag schemas`: the shipped schemas, and a registry that holds them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from consumer.cli.output import Output, OutputOption, visible

EXIT_FOUND = 1

app = typer.Typer(
    help="Check and register the schemas.",
    no_args_is_help=True,
    epilog="Example: hangtag schemas check && hangtag schemas register --dry-run",
)


@app.callback()
def _schemas() -> None:
    """Check and register the schemas."""


@app.command(epilog="Example: HANGTAG_REGISTRY__URL=http://127.0.0.1:8081 hangtag schemas check --output json")
def check(output: OutputOption = Output.TEXT) -> None:
    """Hold every shipped version against the earlier ones and, with registry.url, against the registry (exit 1).

    We read events of all earlier versions; readers of our outputs read newer and older versions alike.
    """
    from consumer.registry.compatibility import PROMISES
    from consumer.registry.files import schema_versions
    from consumer.registry.opening import open_registry, subject_names
    from consumer.registry.registration import registry_findings, shipped_findings
    from consumer.settings import load_settings

    settings = load_settings()
    names = subject_names(settings.topics)
    findings = shipped_findings()
    if settings.registry.url:
        with open_registry(settings.registry) as registry:
            findings += registry_findings(registry, names)
    if output is Output.JSON:
        subjects = [
            {"subject": name, "versions": len(schema_versions(subject)), "promise": PROMISES[subject]}
            for subject, name in names.items()
        ]
        found = [asdict(finding) for finding in findings]
        print(json.dumps({"registry": settings.registry.url, "subjects": subjects, "findings": found}))
    else:
        for finding in findings:
            print(f"{finding.subject}: {visible(finding.fault)}")
        against = f"the registry at {settings.registry.url}" if settings.registry.url else "no registry (registry.url)"
        print(f"{len(findings)} findings; checked against each other and against {against}")
    if findings:
        raise typer.Exit(EXIT_FOUND)


@app.command(epilog="Example: HANGTAG_REGISTRY__URL=http://127.0.0.1:8081 hangtag schemas register --dry-run")
def register(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be registered; change nothing.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Register every shipped version that the registry does not have, as `<topic>-value`; exit 1 if it rejects one.

    A subject without a compatibility level of its own gets BACKWARD_TRANSITIVE (events) or FULL_TRANSITIVE (outputs).
    """
    from consumer.errors import SettingsInvalid
    from consumer.registry.opening import open_registry, subject_names
    from consumer.registry.registration import Fate
    from consumer.registry.registration import register as register_all
    from consumer.settings import load_settings

    settings = load_settings()
    if not settings.registry.url:
        raise SettingsInvalid("registry.url is not set; for example HANGTAG_REGISTRY__URL=http://127.0.0.1:8081")
    with open_registry(settings.registry) as registry:
        versions = list(register_all(registry, subject_names(settings.topics), dry_run=dry_run))
    if output is Output.JSON:
        print(
            json.dumps({"registry": settings.registry.url, "dry_run": dry_run, "versions": list(map(asdict, versions))})
        )
    else:
        for version in versions:
            known = "" if version.schema_id is None else f", id {version.schema_id}"
            why = f": {visible(version.reason)}" if version.reason else ""
            print(f"{version.subject} v{version.version}: {version.fate}{known}{why}")
    if any(version.fate is Fate.REJECTED for version in versions):
        raise typer.Exit(EXIT_FOUND)
