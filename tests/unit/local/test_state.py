# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from consumer.cli import app
from consumer.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("command", [("local", "up"), ("demo",)])
def test_a_state_folder_that_cannot_be_made_is_told_with_what_to_do(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "file").touch()

    result = CliRunner().invoke(app, [*command, "--state", str(tmp_path / "file" / "state")])

    assert isinstance(result.exception, Refused)
    assert "cannot be made: Not a directory; --state names another" in str(result.exception)
