# SPDX-License-Identifier: Apache-2.0
"""The fixture `data_folder`: photos and titles that are not part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.require import require

DEFAULT = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder that holds `fashion-product-images`."""
    folder = Path(os.environ.get("HANGTAG_DATA", DEFAULT))
    install = "set HANGTAG_DATA to the folder that holds fashion-product-images"
    require("the data folder", (folder / "fashion-product-images").is_dir(), install)
    return folder
