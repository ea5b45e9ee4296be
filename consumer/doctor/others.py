# SPDX-License-Identifier: Apache-2.0
"""What a run needs beside Kafka: Triton with our bundle, and the schema registry."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from consumer.bundle import load_bundle
from consumer.doctor.finding import Finding, Status, verdict
from consumer.errors import HangtagError, SettingsInvalid
from consumer.registry.opening import open_registry, subject_names
from consumer.registry.registration import registry_findings
from consumer.triton.client import TritonClient
from consumer.triton.contract import Contract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.settings import Settings


def check_triton(settings: Settings, timeout_s: float) -> Iterator[Finding]:
    """Whether the server answers, runs our bundle, and answers its canary rightly."""
    advice = "HANGTAG_TRITON__GRPC and HANGTAG_TRITON__BUNDLE; on this machine: hangtag local up"
    try:
        found = asyncio.run(_ask_triton(settings, timeout_s))
    except TimeoutError:
        found = f"{settings.triton.grpc} does not answer within {timeout_s:g} s"
    except SettingsInvalid:
        raise
    except HangtagError as error:
        found = f"{settings.triton.grpc}: {error}"
    else:
        yield Finding("triton", Status.OK, found)
        return
    yield Finding("triton", Status.FAILED, found, advice)


def check_registry(settings: Settings, timeout_s: float) -> Iterator[Finding]:
    """Whether the registry of the settings answers and holds our schemas; nothing without one."""
    if not settings.registry.url:
        return
    patience_s = min(timeout_s, settings.registry.timeout_s)  # a worker would wait no longer either
    try:
        with open_registry(settings.registry.model_copy(update={"timeout_s": patience_s})) as registry:
            faults = registry_findings(registry, subject_names(settings.topics))
    except HangtagError as error:
        yield Finding("registry", Status.FAILED, str(error), "HANGTAG_REGISTRY__URL and its user and certificate")
        return
    findings = (
        Finding("registry", Status.FAILED, f"{fault.subject}: {fault.fault}", "hangtag schemas check")
        for fault in faults
    )
    yield from verdict("registry", findings, "it answers and holds our schemas")


async def _ask_triton(settings: Settings, timeout_s: float) -> str:
    bundle = load_bundle(settings.triton.bundle)
    async with TritonClient(settings.triton, bundle) as client, asyncio.timeout(timeout_s):
        contract = Contract(client, bundle)
        await contract.verify()
        return f"serves bundle {bundle.manifest.bundle} in {contract.precision}, and answers as its manifest says"
