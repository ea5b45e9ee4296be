# SPDX-License-Identifier: Apache-2.0
"""Labelled products from folders of the data sets: rows with raw labels, and the bytes of their photos."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Self

from consumer.errors import OptionInvalid, Refused
from triton_models.training.table import read_table
from triton_models.training.variants import varied

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from triton_models.training.table import TableRow
    from triton_models.training.variants import Variant

#: Names of the data sets in ids, crosswalks and the model card.
FASHION_PRODUCT_IMAGES = "fashion-product-images"
CLOTHING_DATASET = "clothing-dataset"


@dataclass(frozen=True, slots=True)
class _Shape:
    """How one data set writes its table."""

    dataset: str
    file: str
    id: str
    title: str | None
    group: str
    group_prefix: str
    """Keeps groups of two data sets apart."""
    labels: tuple[str, ...]


_SHAPES = (
    _Shape(
        FASHION_PRODUCT_IMAGES,
        "styles.csv",
        id="id",
        title="productDisplayName",
        group="group",
        group_prefix="",
        labels=("gender", "masterCategory", "subCategory", "articleType", "baseColour", "season", "usage"),
    ),
    _Shape(
        CLOTHING_DATASET,
        "images.csv",
        id="image",
        title=None,
        group="sender_id",
        group_prefix=f"{CLOTHING_DATASET}/",
        labels=("label", "kids"),
    ),
)


@dataclass(frozen=True, slots=True)
class Photo:
    """One picture: the archive or folder it lies in and its name there."""

    archive: Path
    member: str
    variant: Variant | None = None
    """What is made of it; None = the picture itself."""


@dataclass(frozen=True, slots=True)
class LabelledProduct:
    """One row of a data set."""

    dataset: str
    id: str
    group: str
    """Rows of one group share a title, look the same or come from one sender; empty where the file does not say."""
    title: str
    labels: Mapping[str, str]
    """Raw value by column; an empty cell is no entry: a missing label, not a class."""
    photos: tuple[Photo, ...]
    line: int = 0
    """Where the row begins in its file, from 1."""

    @property
    def photo(self) -> Photo | None:
        """The picture that stands for the product: the small one, where it exists."""
        return self.photos[0] if self.photos else None

    @property
    def key(self) -> str:
        """Unique among all data sets."""
        return f"{self.dataset}/{self.id}"


@dataclass(frozen=True, slots=True)
class DataFolder:
    """The rows of one folder that can be used, and what is wrong with the others."""

    table: Path
    dataset: str
    products: tuple[LabelledProduct, ...]
    """In the order of the file."""
    faults: tuple[str, ...]
    """File, line and reason of each row that was left out."""


def read_folder(folder: Path) -> DataFolder:
    """All rows of `styles.csv` or `images.csv`. Raises OptionInvalid when the folder has neither shape."""
    shape = next((shape for shape in _SHAPES if (folder / shape.file).is_file()), None)
    if shape is None:
        names = " or ".join(shape.file for shape in _SHAPES)
        raise OptionInvalid(f"{folder} has no {names}; --data takes a folder with one of them and image archives")
    table = folder / shape.file
    photos = _photos_by_id(folder)
    products: dict[str, LabelledProduct] = {}
    faults = []
    for row in read_table(table, {shape.id} | ({shape.title} if shape.title else set())):
        id_ = row.cells.get(shape.id)
        if row.fault:
            faults.append(f"{table} line {row.line}: {row.fault}")
        elif not id_:
            faults.append(f"{table} line {row.line}: no {shape.id}")
        elif id_ in products:
            faults.append(f"{table} line {row.line}: {shape.id} {id_} stands in an earlier line already")
        else:
            products[id_] = _product(shape, row, photos.get(id_, ()))
    return DataFolder(table, shape.dataset, tuple(products.values()), tuple(faults))


def _product(shape: _Shape, row: TableRow, photos: tuple[Photo, ...]) -> LabelledProduct:
    group = row.cells.get(shape.group)
    return LabelledProduct(
        dataset=shape.dataset,
        id=row.cells[shape.id],
        group=f"{shape.group_prefix}{group}" if group else "",
        title=row.cells[shape.title] if shape.title else "",
        labels={column: row.cells[column] for column in shape.labels if row.cells.get(column)},
        photos=photos,
        line=row.line,
    )


def _photos_by_id(folder: Path) -> dict[str, tuple[Photo, ...]]:
    """What the folder's archives hold, in the order of their names, which puts small photos before large ones."""
    archives = sorted(folder.glob("*.zip"))
    if not archives:
        raise OptionInvalid(f"{folder} has no image archive (*.zip)")
    photos: dict[str, tuple[Photo, ...]] = {}
    for archive in archives:
        try:
            with zipfile.ZipFile(archive) as opened:
                members = opened.namelist()
        except (OSError, zipfile.BadZipFile) as error:
            raise OptionInvalid(f"{archive} cannot be read: {error}") from error
        for member in members:
            path = PurePosixPath(member)
            if path.suffix == ".jpg":
                photos[path.stem] = (*photos.get(path.stem, ()), Photo(archive, member))
    return photos


class PhotoArchive:
    """Reads photos out of zip files and folders. Close it, or use it as a context manager. Not thread-safe."""

    def __init__(self) -> None:
        self._open: dict[Path, zipfile.ZipFile] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for archive in self._open.values():
            archive.close()

    def read(self, photo: Photo) -> bytes:
        """The photo's bytes; none where they are damaged in the archive. Raises Refused when it is not there."""
        try:
            body = self._body(photo)
            return varied(body, photo.variant) if photo.variant else body
        except (OSError, KeyError) as error:
            raise Refused(f"{photo.archive}: {photo.member} cannot be read") from error
        except (zipfile.BadZipFile, zlib.error):
            return b""

    def _body(self, photo: Photo) -> bytes:
        if photo.archive.is_dir():
            return (photo.archive / photo.member).read_bytes()
        if photo.archive not in self._open:
            self._open[photo.archive] = zipfile.ZipFile(photo.archive)
        return self._open[photo.archive].read(photo.member)

    def hashes(self, photos: Iterable[Photo]) -> dict[Photo, str]:
        """SHA-256 of each photo's bytes, lower-case hex; of its name where there are none: two of those are not one."""
        return {photo: hashlib.sha256(self.read(photo) or photo.member.encode()).hexdigest() for photo in photos}
