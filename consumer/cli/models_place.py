# SPDX-License-Identifier: Apache-2.0
"""What the commands of `hangtag models` find around them: packages, a cache, the log of looks at the test split."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from consumer.errors import Refused, to_install

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.bundle import Bundle
    from triton_models.training.openings import Log


@contextmanager
def needs_extra(name: str) -> Iterator[None]:
    """Say which extra is missing where a package is. Raises Refused."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise Refused(f"{error.name} is missing; to install it: {to_install(name)}") from error


def log_of_looks(bundle: Bundle) -> Log:
    """Beside the bundle, or in the user's folder for the one of the package."""
    from triton_models.training.openings import Log, openings_file

    return Log(openings_file(bundle, Path(typer.get_app_dir("hangtag"))), now())


def now() -> str:
    """RFC 3339, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def models_cache() -> Path:
    """Where views and features are kept unless told."""
    from consumer.local.jars import cache_folder

    return cache_folder() / "models"
