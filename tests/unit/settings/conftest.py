# SPDX-License-Identifier: Apache-2.0
"""Every test has settings of its own: no variables, and a working directory without a file."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("HANGTAG_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
