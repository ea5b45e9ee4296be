# SPDX-License-Identifier: Apache-2.0
"""Reading the settings; every fault is listed, a wrong name with the right one."""

from __future__ import annotations

import os
from difflib import get_close_matches
from tomllib import TOMLDecodeError
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from consumer.errors import SettingsInvalid
from consumer.faults import plain
from consumer.settings.tree import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails

_PREFIX = "HANGTAG_"
#: Read by the commands and the tests themselves, before or beside the settings.
_OTHER_VARIABLES = {"HANGTAG_SECRETS_DIR", "HANGTAG_DATA", "HANGTAG_STATE", "HANGTAG_TEST_REGISTRY_URL"}


def load_settings(**overrides: Any) -> Settings:  # sections as keyword arguments, for tests
    """Read the environment, the file and the secrets. Raises SettingsInvalid, which lists every fault."""
    faults = _unknown_variables()
    try:
        settings = Settings(**overrides)
    except TOMLDecodeError as error:
        raise SettingsInvalid(f"settings are wrong:\n  hangtag.toml: {error}") from error
    except SettingsError as error:
        raise _invalid([*faults, f"{error} (lists and maps are written as JSON)"]) from error
    except ValidationError as error:
        raise _invalid([*faults, *map(_fault, error.errors())]) from error
    if faults:
        raise _invalid(faults)
    return settings


def _invalid(faults: list[str]) -> SettingsInvalid:
    return SettingsInvalid("settings are wrong:\n" + "\n".join(f"  {fault}" for fault in faults))


def _fault(fault: ErrorDetails) -> str:
    name = ".".join(map(str, fault["loc"]))
    return _unknown(name, _names()) if fault["type"] == "extra_forbidden" else f"{name}: {plain(fault['msg'])}"


def _unknown_variables() -> list[str]:
    """pydantic-settings ignores variables of sections that do not exist; a typo must not be silent."""
    sections = {f"{_PREFIX}{section.upper()}" for section in Settings.model_fields}
    known = {f"{_PREFIX}{name.upper().replace('.', '__')}" for name in _names()} | _OTHER_VARIABLES
    strange = (
        name
        for name in os.environ
        if name.startswith(_PREFIX) and name not in known and name.partition("__")[0] not in sections
    )
    return [_unknown(name, known) for name in sorted(strange)]


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
