# SPDX-License-Identifier: Apache-2.0
"""The shipped schemas: `schemas/<subject>/v<N>.avsc`."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parent.parent

Schema = dict[str, Any]  # JSON of an .avsc file


class Subject(StrEnum):
    """What a schema describes; the names that a registry uses with the default topics."""

    PRODUCT_EVENTS = "product-events-value"
    PRODUCT_ATTRIBUTES = "product-attributes-value"
    PRODUCT_EMBEDDINGS = "product-embeddings-value"


def schema_folder(package: Path = _PACKAGE) -> Path:
    """The folder of all subjects: inside the installed package, else in the checkout that an editable install names."""
    shipped, checkout = package / "_schemas", package.parent / "schemas"
    for folder in (shipped, checkout):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"the schemas are neither in {shipped} nor in {checkout}: the installation is incomplete")


def schema_versions(subject: Subject, folder: Path | None = None) -> tuple[Schema, ...]:
    """All versions of one subject, oldest first."""
    files = ((folder or schema_folder()) / subject).glob("v*.avsc")
    return tuple(json.loads(file.read_bytes()) for file in sorted(files, key=lambda file: int(file.stem[1:])))
