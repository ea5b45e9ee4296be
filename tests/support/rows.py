# SPDX-License-Identifier: Apache-2.0
"""What a push tells of rows that a test knows to be good."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from consumer.feeds.rows import BadRow


def none_is_bad(row: BadRow) -> NoReturn:
    """In place of whoever hears of bad rows: there shall be none."""
    pytest.fail(f"a bad row: {row}")
