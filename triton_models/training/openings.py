# SPDX-License-Identifier: Apache-2.0
"""Who looked at the test split, and when: each look makes its figures a little less of a surprise.

A line of JSON per look, never rewritten, in `test_openings.jsonl` beside the model card. The package's own bundle is
not written to: its later looks are kept in the user's folder, the earlier ones stand in its card.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from consumer.bundle import starter_folder
from consumer.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.bundle import Bundle

OPENINGS_FILE = "test_openings.jsonl"


@dataclass(frozen=True, slots=True)
class Opening:
    """One look at figures of the test split."""

    at: str
    """RFC 3339, UTC."""
    bundle: int
    dataset: str
    purpose: str
    """The command, and what it showed the model."""


@dataclass(frozen=True, slots=True)
class Log:
    """Where looks are written down, and when they happen."""

    file: Path
    at: str
    """Now, RFC 3339, UTC."""

    def record(self, bundle: int, dataset: str, purpose: str) -> None:
        """Append one look. Raises Refused when it cannot be written: then the split stays closed."""
        opening = Opening(self.at, bundle, dataset, purpose)
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(opening)) + "\n")
        except OSError as error:
            raise Refused(
                f"{self.file} cannot be written ({error.strerror}): every look at the test split is logged"
            ) from error


def openings_file(bundle: Bundle, user_folder: Path) -> Path:
    """Where the looks at this bundle's test figures are kept."""
    is_shipped = bundle.folder.resolve() == starter_folder().resolve()
    if is_shipped or not os.access(bundle.folder, os.W_OK):
        return user_folder / f"bundle-{bundle.manifest.bundle}-{OPENINGS_FILE}"
    return bundle.folder / OPENINGS_FILE


def read_openings(file: Path) -> tuple[Opening, ...]:
    """All looks so far, oldest first; none without a file."""
    if not file.exists():
        return ()
    return tuple(Opening(**json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines())
