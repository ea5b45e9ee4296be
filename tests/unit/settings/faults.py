# SPDX-License-Identifier: Apache-2.0
"""What settings are told to be wrong."""

import pytest

from consumer.errors import SettingsInvalid
from consumer.settings import load_settings


def faults(**overrides: object) -> list[str]:
    """What is said of the settings as they are, line by line."""
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(**overrides)
    return [line.removeprefix("  ") for line in str(caught.value).splitlines()[1:]]
