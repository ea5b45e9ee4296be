# SPDX-License-Identifier: Apache-2.0
"""Files of the state folder: whole or not there, for the owner's eyes only."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Replace `path`; a reader sees the old text or the new one. Readable by the owner only: it may hold keys."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(name).replace(path)


def rotate(log: Path) -> None:
    """Begin a log; the one before it is kept as `<name>.1`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
