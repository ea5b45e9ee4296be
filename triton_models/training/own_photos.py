# SPDX-License-Identifier: Apache-2.0
"""Photos of one's own with labels in the ontology's words: a folder for each category, or a table."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from consumer.errors import OptionInvalid
from consumer.images.files import PHOTO_SUFFIXES
from triton_models.training.datasets import Photo, PhotoArchive
from triton_models.training.labels import FLOORS
from triton_models.training.table import read_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from consumer.enrichment.ontology import Ontology

TABLE = "products.csv"
#: Photos that a class needs to be learnt (row 60 of the capability table).
MIN_PHOTOS = 20


@dataclass(frozen=True, slots=True)
class OwnPhotos:
    """What can be learnt from, and what is wrong with the rest."""

    words: Mapping[Photo, Mapping[str, str]]
    """By handle, the ontology's word for what the photo shows."""
    groups: Mapping[Photo, str]
    """Photos of one group lie on one side of every cut: the table's `group`, else those of equal bytes."""
    faults: tuple[str, ...]
    """File, folder or line, and why it was left out."""

    def fold(self, photo: Photo, folds: int) -> int:
        """Which part of a cross-validation the photo is in."""
        return int.from_bytes(hashlib.sha256(self.groups[photo].encode()).digest()[:4], "big") % folds


def read_own_photos(folder: Path, ontology: Ontology) -> OwnPhotos:
    """`products.csv` with a column `image` and columns named as attributes, else a folder of photos for each category.

    A word is an id of the ontology or a label in any case; a category may be its whole breadcrumb. A class with fewer
    than `MIN_PHOTOS` is left out. Raises OptionInvalid when nothing is left, Refused when a photo cannot be read.
    """
    rows = _table_rows if (folder / TABLE).is_file() else _class_rows
    known = {handle: _words(ontology, handle) for handle in FLOORS}
    found: dict[Photo, dict[str, str]] = {}
    faults: list[str] = []
    named: dict[Photo, str] = {}
    for where, photo, labels, group in rows(folder):
        if not (photo.archive / photo.member).is_file():
            faults.append(f"{where}: there is no photo {photo.member}")
            continue
        if photo in found:
            faults.append(f"{where}: {photo.member} stands in an earlier line already")
            continue
        words = found[photo] = {}
        named[photo] = group
        for handle, label in labels.items():
            if word := known[handle].get(label.casefold()):
                words[handle] = word
            else:
                faults.append(f"{where}: {_unknown(handle, label, known[handle])}")
    counts = Counter((handle, word) for words in found.values() for handle, word in words.items())
    faults += [
        f"{handle} {word}: {count} photos; a class needs {MIN_PHOTOS}"
        for (handle, word), count in counts.items()
        if count < MIN_PHOTOS
    ]
    enough = {
        photo: kept
        for photo, words in found.items()
        if (kept := {handle: word for handle, word in words.items() if counts[handle, word] >= MIN_PHOTOS})
    }
    if not enough:
        raise OptionInvalid("; ".join((f"{folder} has no class of {MIN_PHOTOS} photos", *faults[:5])))
    with PhotoArchive() as archive:
        groups = {photo: named[photo] or digest for photo, digest in archive.hashes(enough).items()}
    return OwnPhotos(enough, groups, tuple(dict.fromkeys(faults)))


def _table_rows(folder: Path) -> Iterator[tuple[str, Photo, dict[str, str], str]]:
    table = folder / TABLE
    for row in read_table(table, {"image"}):
        if row.fault:
            raise OptionInvalid(f"{table} line {row.line}: {row.fault}")
        labels = {handle: label for handle in FLOORS if (label := row.cells.get(handle, "").strip())}
        yield f"{table} line {row.line}", Photo(folder, row.cells["image"]), labels, row.cells.get("group", "")


def _class_rows(folder: Path) -> Iterator[tuple[str, Photo, dict[str, str], str]]:
    for below in sorted(path for path in folder.iterdir() if path.is_dir()):
        for file in sorted(path for path in below.iterdir() if path.suffix.lower() in PHOTO_SUFFIXES):
            yield str(below), Photo(folder, f"{below.name}/{file.name}"), {"category": below.name}, ""


def _words(ontology: Ontology, handle: str) -> dict[str, str]:
    """The ontology's word by id, label and breadcrumb, in lower case. A label of two words names the shorter path."""
    if handle == "category":
        nodes = sorted(ontology.categories.values(), key=lambda node: -len(node.path))
        return {name.casefold(): node.id for node in nodes for name in (node.label, node.breadcrumb, node.id)}
    attribute = ontology.attribute(handle)
    labels = {shade.label: shade.id for shade in attribute.shades.values()}
    labels |= {label: value for value, label in attribute.labels.items()}
    return {name.casefold(): word for label, word in labels.items() for name in (label, word)}


def _unknown(handle: str, label: str, known: Mapping[str, str]) -> str:
    close = ", ".join(get_close_matches(label.casefold(), known, n=3))
    return f"{handle} {label!r} is no word of the ontology" + (f"; close: {close}" if close else "")
