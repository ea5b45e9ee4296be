# SPDX-License-Identifier: Apache-2.0
"""Labelled products from a folder of the data set: rows with raw labels, and the bytes of their photos."""

from __future__ import annotations

import csv
import hashlib
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from consumer.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

#: Name of the data set in ids, crosswalks and the model card.
FASHION_PRODUCT_IMAGES = "fashion-product-images"

_LABEL_COLUMNS = ("gender", "masterCategory", "subCategory", "articleType", "baseColour", "season", "usage")
_REQUIRED_COLUMNS = frozenset({"id", "productDisplayName"})
#: By column, the archive that holds the photo where the column says 1; small before large: nearly all products have it.
_ARCHIVES = {"image_60x80": "images_60x80.zip", "image_large": "images_large.zip"}


@dataclass(frozen=True, slots=True)
class Photo:
    """One picture: the archive it lies in and its name there."""

    archive: str
    member: str


@dataclass(frozen=True, slots=True)
class LabelledProduct:
    """One row of the data set."""

    id: str
    group: str
    """Rows of one group share a title or look the same; empty where the file does not say."""
    title: str
    labels: Mapping[str, str]
    """Raw value by column; an empty cell is no entry: a missing label, not a class."""
    photos: tuple[Photo, ...]

    @property
    def photo(self) -> Photo | None:
        """The picture that stands for the product: the small one, where it exists."""
        return self.photos[0] if self.photos else None


def read_products(folder: Path) -> tuple[LabelledProduct, ...]:
    """All rows of `styles.csv`, in its order. Raises Refused when the folder does not have that shape."""
    path = folder / "styles.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            if missing := _REQUIRED_COLUMNS - set(reader.fieldnames or ()):
                raise Refused(f"{path} has no column {', '.join(sorted(missing))}")
            return tuple(_product(row) for row in reader)
    except OSError as error:
        raise Refused(
            f"{path} cannot be read ({error.strerror}); --data takes a folder with styles.csv and image archives"
        ) from error


def _product(row: Mapping[str, str]) -> LabelledProduct:
    member = f"{row['id']}.jpg"
    return LabelledProduct(
        id=row["id"],
        group=row.get("group") or "",
        title=row["productDisplayName"] or "",
        labels={column: row[column] for column in _LABEL_COLUMNS if row.get(column)},
        photos=tuple(Photo(archive, member) for column, archive in _ARCHIVES.items() if row.get(column) == "1"),
    )


class PhotoArchive:
    """Reads photos out of the folder's zip files. Close it, or use it as a context manager. Not thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, zipfile.ZipFile] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for archive in self._open.values():
            archive.close()

    def read(self, photo: Photo) -> bytes:
        """The photo's bytes. Raises Refused when archive or member is not there."""
        try:
            if photo.archive not in self._open:
                self._open[photo.archive] = zipfile.ZipFile(self._folder / photo.archive)
            return self._open[photo.archive].read(photo.member)
        except (OSError, KeyError) as error:
            raise Refused(f"{self._folder / photo.archive}: {photo.member} cannot be read") from error

    def hashes(self, photos: Iterable[Photo]) -> dict[Photo, str]:
        """SHA-256 of each photo's bytes, lower-case hex."""
        return {photo: hashlib.sha256(self.read(photo)).hexdigest() for photo in photos}
