# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest

from consumer import attributes, events
from consumer.attributes import ProductAttributes, ProductEmbedding
from consumer.events import ProductEvent
from consumer.registry.files import Subject, schema_folder, schema_versions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEWEST = {subject: schema_versions(subject)[-1] for subject in Subject}


def named_types(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if schema.get("type") in ("record", "enum"):
            yield schema
        for part in schema.values():
            yield from named_types(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from named_types(part)


EVERY_TYPE = {
    (subject.value, schema["name"]): schema for subject, newest in NEWEST.items() for schema in named_types(newest)
}
RECORDS = {key: schema for key, schema in EVERY_TYPE.items() if schema["type"] == "record"}
ENUMS = {key: schema for key, schema in EVERY_TYPE.items() if schema["type"] == "enum"}


def python_type(name: str) -> Any:
    return getattr(attributes, name, None) or getattr(events, name)


def test_the_roots_are_the_records_that_travel() -> None:
    assert {subject: schema["name"] for subject, schema in NEWEST.items()} == {
        Subject.PRODUCT_EVENTS: ProductEvent.__name__,
        Subject.PRODUCT_ATTRIBUTES: ProductAttributes.__name__,
        Subject.PRODUCT_EMBEDDINGS: ProductEmbedding.__name__,
    }
    assert {schema["namespace"] for schema in NEWEST.values()} == {"org.hangtag"}


@pytest.mark.parametrize("key", RECORDS)
def test_a_record_has_the_fields_of_its_dataclass_in_order(key: tuple[str, str]) -> None:
    expected = [field.name for field in dataclasses.fields(python_type(key[1]))]

    assert [field["name"] for field in RECORDS[key]["fields"]] == expected


@pytest.mark.parametrize("key", ENUMS)
def test_an_enum_has_the_symbols_of_its_class_and_unknown_first_and_as_default(key: tuple[str, str]) -> None:
    schema = ENUMS[key]

    assert schema["symbols"] == [member.value for member in python_type(key[1])]
    assert schema["symbols"][0] == schema["default"] == "UNKNOWN"


@pytest.mark.parametrize("key", EVERY_TYPE)
def test_every_type_and_field_is_documented(key: tuple[str, str]) -> None:
    schema = EVERY_TYPE[key]
    described = [schema, *schema.get("fields", ())]

    assert [part["name"] for part in described if not part.get("doc", "").endswith(".")] == []


@pytest.mark.parametrize("key", RECORDS)
def test_a_nullable_field_is_null_by_default(key: tuple[str, str]) -> None:
    unions = [field for field in RECORDS[key]["fields"] if isinstance(field["type"], list)]

    assert [field["name"] for field in unions if field["type"][0] != "null" or len(field["type"]) != 2] == []
    assert [field["name"] for field in unions if field.get("default", "missing") is not None] == []


def test_only_what_can_never_go_has_no_default() -> None:
    fixed = {
        f"{name}.{field['name']}"
        for (_, name), schema in RECORDS.items()
        for field in schema["fields"]
        if "default" not in field
    }

    identity = {"event_id", "event_type", "vendor_id", "sku", "product_version", "occurred_at"}
    assert {name for name in fixed if name.startswith("ProductEvent.")} == {f"ProductEvent.{name}" for name in identity}
    assert {name for name in fixed if name.startswith("ProductAttributes.")} == {
        "ProductAttributes.event_id",
        "ProductAttributes.source",
        "ProductAttributes.provenance",
    }


def test_the_price_is_a_decimal_of_twelve_digits_two_of_them_after_the_point() -> None:
    amount = EVERY_TYPE["product-events-value", "Price"]["fields"][0]

    assert amount["type"] == {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}


def test_the_input_record_is_described_alike_in_both_outputs() -> None:
    assert RECORDS["product-attributes-value", "Source"] == RECORDS["product-embeddings-value", "Source"]


def test_the_schemas_are_found_inside_an_installed_package(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "consumer"
    (package / "_schemas" / "product-events-value").mkdir(parents=True)
    for number in (1, 2, 10):
        path = package / "_schemas" / "product-events-value" / f"v{number}.avsc"
        path.write_text(json.dumps({"number": number}))

    versions = schema_versions(Subject.PRODUCT_EVENTS, schema_folder(package))

    assert [version["number"] for version in versions] == [1, 2, 10]


def test_the_schemas_are_found_in_the_checkout_of_an_editable_install(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()

    assert schema_folder(tmp_path / "consumer") == tmp_path / "schemas"


def test_an_installation_without_schemas_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="_schemas nor in"):
        schema_folder(tmp_path / "consumer")
