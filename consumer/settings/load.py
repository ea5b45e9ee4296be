# SPDX-License-Identifier: Apache-2.0
"""Reading the settings: all of them, or every fault at once."""

from __future__ import annotations

from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError

from consumer.errors import SettingsInvalid
from consumer.settings.faults import lines, unknown_variables
from consumer.settings.tree import FILE, Settings

_A_FILE = f"{FILE} or a secret file"


def load_settings(**overrides: Any) -> Settings:  # sections as keyword arguments, for tests
    """Read the environment, the file and the secrets. Raises SettingsInvalid, which lists every fault."""
    faults = unknown_variables()
    try:
        faults += _in_the_files_place()
        settings = Settings(**overrides)
    except TOMLDecodeError as error:
        raise SettingsInvalid(f"settings are wrong:\n  {FILE}: {error}") from error
    except UnicodeDecodeError as error:  # whose, it does not say; its words would repeat a byte of a secret
        raise SettingsInvalid(f"settings are wrong:\n  {_A_FILE} is no UTF-8: {error.reason}") from error
    except OSError as error:  # where it was open already, it does not say whose
        raise _invalid([*faults, f"{error.filename or _A_FILE} cannot be read: {error.strerror}"]) from error
    except SettingsError as error:  # the folder cannot be read
        raise _invalid([*faults, f"HANGTAG_SECRETS_DIR: {error}"]) from error
    except ValidationError as error:
        raise _invalid([*faults, *lines(error.errors())]) from error
    if faults:
        raise _invalid(faults)
    return settings


def settings_file() -> str:
    """Which file `load_settings` reads in this working directory, or that there is none, for operators."""
    folder = Path.cwd()
    return f"{FILE} in {folder}" if (folder / FILE).is_file() else f"no {FILE} in {folder}"


def _in_the_files_place() -> list[str]:
    """The library passes over what is no file: with a folder, as a mount without a source is, no setting would hold."""
    file = Path(FILE)
    is_there = file.exists() or file.is_symlink()  # one that leads nowhere
    return [f"{FILE}: is no file"] if is_there and not file.is_file() else []


def _invalid(faults: list[str]) -> SettingsInvalid:
    return SettingsInvalid("settings are wrong:\n" + "\n".join(f"  {fault}" for fault in faults))
