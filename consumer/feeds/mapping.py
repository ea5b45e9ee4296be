# SPDX-License-Identifier: Apache-2.0
"""Which column of a vendor's table is which field of ProductEvent: a mapping file, or the header's own names.

Fields inside of fields have a dot in their name: `price.amount`, `vendor_attributes.color`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from consumer.errors import FeedInvalid
from consumer.events import ProductEvent

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ATTRIBUTES = "vendor_attributes."
LISTS = frozenset({"image_urls"})

#: Between the items of a list where no mapping says it; addresses hold no blanks.
DEFAULT_SEPARATOR = " "

_WHOLE = frozenset(field.name for field in fields(ProductEvent)) - {"vendor_attributes"}
_NAMES = _WHOLE | {"price.amount", "price.currency"}


@dataclass(frozen=True, slots=True)
class Mapping:
    """Field names with the columns that they come from, or with the one value that they have in every row."""

    columns: dict[str, tuple[str, ...]]
    """Several columns only for lists."""
    constants: dict[str, str]
    separators: dict[str, str]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    fields: dict[str, str | list[str] | dict[str, str]]
    constants: dict[str, str | dict[str, str]] = Field(default_factory=dict)
    lists: dict[str, str] = Field(default_factory=dict)


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file. Raises FeedInvalid with every fault of it."""
    try:
        with path.open("rb") as file:
            content = _File.model_validate(tomllib.load(file))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FeedInvalid(f"{path}: no TOML: {error}") from error
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc'][:2]))}: {fault['msg']}" for fault in error.errors()]
        raise FeedInvalid(f"{path}: {'; '.join(dict.fromkeys(faults))}") from error
    columns = {name: (said,) if isinstance(said, str) else tuple(said) for name, said in _flat(content.fields)}
    constants = {name: said for name, said in _flat(content.constants) if isinstance(said, str)}
    if faults := [*_faults(columns, constants, content.lists)]:
        raise FeedInvalid(f"{path}: {'; '.join(faults)}")
    return Mapping(columns, constants, content.lists)


def mapping_of_names(header: Iterable[str]) -> Mapping:
    """Columns that carry the names of fields."""
    return Mapping({name: (name,) for name in header if _is_field(name)}, {}, {})


def _flat(
    table: dict[str, str | list[str] | dict[str, str]] | dict[str, str | dict[str, str]],
) -> Iterable[tuple[str, str | list[str]]]:
    for name, said in table.items():
        if isinstance(said, dict):
            yield from ((f"{name}.{inner}", value) for inner, value in said.items())
        else:
            yield name, said


def _faults(columns: dict[str, tuple[str, ...]], constants: dict[str, str], lists: dict[str, str]) -> Iterable[str]:
    for name in (*columns, *constants):
        if not _is_field(name):
            yield f"{name} is no field of ProductEvent"
    for name in LISTS & constants.keys():
        yield f"constants.{name} would be a list"
    for name, sources in columns.items():
        if len(sources) != 1 and name not in LISTS:
            yield f"fields.{name} must be one column"
    for name, separator in lists.items():
        if name not in LISTS:
            yield f"lists.{name} is no list"
        if not separator:
            yield f"lists.{name} is empty"
    if "sku" not in columns:
        yield "fields.sku is missing: which column names the product?"


def _is_field(name: str) -> bool:
    return name in _NAMES or (name.startswith(ATTRIBUTES) and len(name) > len(ATTRIBUTES))
