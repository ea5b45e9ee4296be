# SPDX-License-Identifier: Apache-2.0
"""Schemas that others registered, made fit to be read in our terms.

A record reaches us in the types of its writer's logical types: an id that somebody marked as `uuid` would arrive as
a UUID, a time that nobody marked as a number. Avro's resolution rules do not look at them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.registry.avro import Writer, parsed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.registry.files import Schema, Subject

Json = Any  # a schema, or a part of one

_LOGICAL = "logicalType"
#: Both are read as aware datetimes.
_MOMENTS = {"timestamp-micros", "timestamp-millis"}


def foreign_writer(schema: Schema, readers: Mapping[Subject, Schema]) -> Writer:
    """Who writes in this schema: a record with the name of one of ours. Raises ValueError for whatever is none."""
    name = str(schema.get("name", "")).rpartition(".")[2]  # Avro matches records without their namespaces
    for subject, reader in readers.items():
        if schema.get("type") == "record" and name == reader["name"].rpartition(".")[2]:
            writer = parsed(_fitted(schema, reader, name))
            return Writer(subject, writer, None if writer == reader else reader)
    raise ValueError(f"it describes {name or schema.get('type')}, which is no record of Hangtag's")


def _fitted(theirs: Json, ours: Json, path: str) -> Json:
    """Their schema without the logical types that ours does not have; raises ValueError where it lacks one of ours."""
    while isinstance(theirs, dict) and isinstance(theirs["type"], dict | list):
        theirs = theirs["type"]  # `{"type": {"type": "string"}}` says the same
    if isinstance(theirs, list):
        return [_fitted(branch, ours, path) for branch in theirs]
    if theirs == "null":
        return theirs
    if isinstance(ours, list):  # every union of ours is null and one type
        ours = ours[-1]
    wanted, found = _logical(ours), _logical(theirs)
    if wanted is None and found is not None:
        theirs = {key: value for key, value in theirs.items() if key != _LOGICAL}
    elif wanted is not None and not _reads_as(theirs, ours):
        raise ValueError(f"{path} is {found or _kind(theirs)}, not {wanted}")
    return _inside(theirs, ours, path) if _kind(theirs) == _kind(ours) else theirs


def _inside(theirs: Json, ours: Json, path: str) -> Json:
    match _kind(theirs):
        case "record" if isinstance(theirs, dict) and isinstance(ours, dict):
            known = {field["name"]: field["type"] for field in ours["fields"]}
            return theirs | {
                "fields": [
                    field | {"type": _fitted(field["type"], known[field["name"]], f"{path}.{field['name']}")}
                    if field["name"] in known
                    else field
                    for field in theirs["fields"]
                ]
            }
        case "array":
            return theirs | {"items": _fitted(theirs["items"], ours["items"], f"{path}[]")}
        case "map":
            return theirs | {"values": _fitted(theirs["values"], ours["values"], f"{path}{{}}")}
    return theirs


def _kind(schema: Json) -> Json:
    return schema["type"] if isinstance(schema, dict) else schema


def _logical(schema: Json) -> str | None:
    return schema.get(_LOGICAL) if isinstance(schema, dict) else None


def _reads_as(theirs: Json, ours: Json) -> bool:
    """Whether values of one logical type are read as the other's: times of any grain, decimals of the same digits."""
    wanted, found = _logical(ours), _logical(theirs)
    if wanted in _MOMENTS:
        return found in _MOMENTS
    return wanted == found and all(theirs.get(name) == ours.get(name) for name in ("precision", "scale"))
