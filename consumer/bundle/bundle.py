# SPDX-License-Identifier: Apache-2.0
"""A bundle as the consumer sees it: a folder whose small files were read and agree with each other."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from consumer.bundle.manifest import client_hash, read_manifest
from consumer.bundle.text import TEXT_FORMAT
from consumer.bundle.thresholds import read_thresholds
from consumer.bundle.tokeniser import Tokeniser, read_vocabulary
from consumer.errors import IncompatibleModels, SettingsInvalid

if TYPE_CHECKING:
    from consumer.bundle.manifest import Manifest
    from consumer.bundle.thresholds import Thresholds

#: The files that an answer depends on here; the others are the server's.
_VOCABULARY, _THRESHOLDS = "vocabulary.txt", "thresholds.json"


@dataclass(frozen=True, slots=True)
class Bundle:
    """What the consumer needs of a bundle; the graphs stay on disk."""

    folder: Path
    manifest: Manifest
    thresholds: Thresholds
    tokeniser: Tokeniser


def starter_folder() -> Path:
    """The bundle that ships with the package."""
    return Path(str(files("triton_models"))) / "starter"


def load_bundle(folder: Path | None = None) -> Bundle:
    """Read a bundle's folder; None = the shipped starter.

    Raises SettingsInvalid when there is no such folder, IncompatibleModels when a file is missing, faulty or not the
    one that the manifest names, when the bundle was trained on another text format, or when vocabulary and labels are
    not those that the client hash was made of. The graphs are not read: `models verify` does.
    """
    folder = folder or starter_folder()
    if not folder.is_dir():
        raise SettingsInvalid(f"settings are wrong:\n  triton.bundle: there is no folder {folder}")
    manifest = read_manifest(folder / "manifest.json")
    if manifest.text_format != TEXT_FORMAT:
        raise IncompatibleModels(
            f"{folder / 'manifest.json'}: text_format: this version composes {TEXT_FORMAT}, the bundle was trained on"
            f" {manifest.text_format}"
        )
    for name in (_VOCABULARY, _THRESHOLDS):
        _require_sealed(folder / name, manifest)
    vocabulary = read_vocabulary(folder / _VOCABULARY)
    if client_hash(manifest, vocabulary) != manifest.client_hash:
        raise IncompatibleModels(
            f"{folder / 'manifest.json'}: client_hash: is not that of vocabulary.txt and the manifest's fields"
        )
    try:
        tokeniser = Tokeniser(vocabulary, manifest.text_length)
    except ValueError as error:
        raise IncompatibleModels(f"{folder / _VOCABULARY}: {error}") from error
    handles = frozenset(task.handle for task in manifest.tasks)
    return Bundle(folder, manifest, read_thresholds(folder / _THRESHOLDS, handles), tokeniser)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _require_sealed(path: Path, manifest: Manifest) -> None:
    sealed = next((file.sha256 for file in manifest.files if file.name == path.name), None)
    try:
        found = sha256_of(path)
    except OSError as error:
        raise IncompatibleModels(f"{path}: cannot be read: {error.strerror}") from error
    if found != sealed:
        raise IncompatibleModels(
            f"{path}: its SHA-256 is not that of the manifest; copy the bundle anew, as it was made (other thresholds"
            " are made by `hangtag models calibrate`, in a bundle of their own)"
        )
