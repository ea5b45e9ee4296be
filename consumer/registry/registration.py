# SPDX-License-Identifier: Apache-2.0
"""Our schemas against themselves and against a registry, and into it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from consumer.registry.compatibility import PROMISES, SchemaRejected, broken_promises, keeps
from consumer.registry.files import Subject, schema_versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from consumer.registry.client import Registry
    from consumer.registry.files import Schema


class Fate(StrEnum):
    """What became of one version."""

    REGISTERED = "registered"
    WAS_THERE = "was there"
    WOULD_BE = "would be registered"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Version:
    """One shipped version and its fate; `schema_id` is the registry's, None where it has none."""

    subject: str
    version: int
    fate: Fate
    schema_id: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that will not work, by the subject it is about."""

    subject: str
    fault: str


def shipped_findings() -> list[Finding]:
    """Promises that the shipped versions break among themselves. Raises Refused where the checker is missing."""
    return [
        Finding(subject, f"v{reader} does not read what v{writer} wrote")
        for subject in Subject
        for reader, writer in broken_promises(schema_versions(subject), PROMISES[subject])
    ]


def registry_findings(registry: Registry, subjects: Mapping[Subject, str]) -> list[Finding]:
    """What a running consumer, or a reader of ours, would stumble over in a registry."""
    return [finding for subject, name in subjects.items() for finding in _found(registry, subject, name)]


def _found(registry: Registry, subject: Subject, name: str) -> Iterator[Finding]:
    versions = schema_versions(subject)
    latest = registry.latest(name)
    if latest is None or registry.schema_id(name, versions[-1]) is None:
        yield Finding(name, f"v{len(versions)} is not registered; to do so: hangtag schemas register")
    if latest is None:
        return
    theirs = f"the registry's latest, version {latest.version}"
    if latest.schema is None:
        yield Finding(name, f"{theirs}, is no Avro schema")
    elif not keeps(PROMISES[subject], latest.schema, versions[-1]):
        yield Finding(name, f"v{len(versions)} and {theirs}, break {PROMISES[subject]}")


def register(registry: Registry, subjects: Mapping[Subject, str], *, dry_run: bool) -> Iterator[Version]:
    """Register every shipped version that is not there yet, oldest first, and say so of each.

    A subject without a compatibility level of its own gets the one that its readers were promised; a level that
    somebody chose stays. After a rejected version the later ones of its subject are not tried.
    """
    for subject, name in subjects.items():
        if not dry_run and registry.level(name) is None:
            registry.set_level(name, PROMISES[subject])
        for number, schema in enumerate(schema_versions(subject), start=1):
            version = _registered(registry, Version(name, number, Fate.WOULD_BE), schema, dry_run=dry_run)
            yield version
            if version.fate is Fate.REJECTED:
                break


def _registered(registry: Registry, planned: Version, schema: Schema, *, dry_run: bool) -> Version:
    name, number = planned.subject, planned.version
    there = registry.schema_id(name, schema)
    if there is not None:
        return Version(name, number, Fate.WAS_THERE, there)
    if dry_run:
        return planned
    try:
        return Version(name, number, Fate.REGISTERED, registry.register(name, schema))
    except SchemaRejected as error:
        return Version(name, number, Fate.REJECTED, reason=str(error))
