# SPDX-License-Identifier: Apache-2.0
"""Faults of the settings, a line each: the setting and what it takes, or a wrong name and the right one."""

from __future__ import annotations

import json
import os
import shlex
from contextlib import suppress
from difflib import get_close_matches
from typing import TYPE_CHECKING

from consumer.faults import plain
from consumer.settings.tree import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails

_PREFIX = "HANGTAG_"
#: Read by the commands and the tests themselves, before or beside the settings.
_OTHER_VARIABLES = {"HANGTAG_SECRETS_DIR", "HANGTAG_DATA", "HANGTAG_STATE", "HANGTAG_TEST_REGISTRY_URL"}
#: What pydantic adds to the place of a map's key.
_OF_THE_KEY = "[key]"


def unknown_variables() -> list[str]:
    """pydantic-settings ignores variables of sections that do not exist; a typo must not be silent."""
    sections = {f"{_PREFIX}{section.upper()}" for section in Settings.model_fields}
    known = {_variable(name.split(".")) for name in _names()} | _OTHER_VARIABLES
    strange = (
        name
        for name in os.environ
        if name.startswith(_PREFIX) and name not in known and name.partition("__")[0] not in sections
    )
    return [_unknown(name, known) for name in sorted(strange)]


def lines(faults: Iterable[ErrorDetails]) -> list[str]:
    """Each fault that pydantic found, as whoever wrote the setting reads it."""
    # pydantic calls a list too short when its entries were wrong; they have lines of their own.
    return [_line(fault) for fault in faults if not (fault["type"] == "too_short" and fault["input"])]


def _line(fault: ErrorDetails) -> str:
    path = [str(part) for part in fault["loc"] if part != _OF_THE_KEY]
    name = ".".join(path)
    if fault["type"] == "extra_forbidden":
        return _unknown(name, _names() if len(path) > 1 else [*Settings.model_fields, *_names()])
    match fault["type"]:
        case "tuple_type":  # neither JSON nor TOML has any; and no list holds a secret
            words = _no_list(path, fault["input"])
        case "dict_type":
            words = _no_map(path)
        case "model_type":
            words = f"must be a section: {_variable(path)}__NAME for each setting, in hangtag.toml the table [{name}]"
        case "too_short":
            words = "must have at least one entry"
        case _:
            words = plain(fault["msg"])
    return f"{name}: {words}"


def _no_list(path: list[str], given: object) -> str:
    entries = _entries(given)
    if not entries:
        return "must be a list"
    return f"must be a list, for example {_assigned(path, entries) or json.dumps(entries)}"


def _entries(given: object) -> list[str | int]:
    """What somebody meant who wrote no list: `a, b`, `[a, b]` after a shell has taken the quotes, a number.

    Nothing where it is a number of more than 4,300 digits, which Python neither reads nor writes.
    """
    with suppress(ValueError):
        return _words(str(given)) if type(given) in {str, int} else []
    return []


def _words(text: str) -> list[str | int]:
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    words = (word.strip(" \"'") for word in text.split(","))
    return [int(word) if word.isdecimal() else word for word in words if word]


def _no_map(path: list[str]) -> str:
    section, name = path
    (example,) = Settings.model_fields[section].annotation.model_fields[name].examples  # type: ignore[union-attr]  # sections are models, and each map has one
    if assigned := _assigned(path, example):
        return f"must be a map, for example {assigned}"
    return f"must be a map: in hangtag.toml the table [{section}.{name}], elsewhere JSON: {json.dumps(example)}"


def _assigned(path: list[str], value: object) -> str | None:
    """The value as a shell takes it, where the wrong one came in a variable of its own."""
    variable = _variable(path)
    return f"{variable}={shlex.quote(json.dumps(value))}" if variable in os.environ else None


def _variable(path: list[str]) -> str:
    return f"{_PREFIX}{'__'.join(path)}".upper()


def _unknown(name: str, known: Iterable[str]) -> str:
    bare = {right.removeprefix(_PREFIX): right for right in known}  # the prefix would make all of them alike
    nearest = get_close_matches(name.removeprefix(_PREFIX), bare, n=1)
    return f"{name}: unknown setting" + (f"; did you mean {bare[nearest[0]]}?" if nearest else "")


def _names() -> list[str]:
    """Every setting as `section.field`."""
    return [
        f"{section}.{field}"
        for section, slice_field in Settings.model_fields.items()
        for field in slice_field.annotation.model_fields  # type: ignore[union-attr]  # sections are models
    ]
