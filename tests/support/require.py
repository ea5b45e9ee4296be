# SPDX-License-Identifier: Apache-2.0
"""A missing real part: a skip that says why at home, an error in CI."""

from __future__ import annotations

import os

import pytest


def require(part: str, found: bool, install: str) -> None:  # noqa: FBT001 - reads as a sentence at its calls
    """Go on when the part is there. Call it from a fixture, where a failure counts as an error."""
    if found:
        return
    answer = pytest.fail if os.environ.get("CI") else pytest.skip
    answer(f"{part} is missing; to install it: {install}")
