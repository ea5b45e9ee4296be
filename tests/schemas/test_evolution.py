# SPDX-License-Identifier: Apache-2.0
"""Every schema version against all earlier ones: BACKWARD_TRANSITIVE what we read, FULL_TRANSITIVE what we publish."""

from __future__ import annotations

import copy
import json
from io import BytesIO
from typing import TYPE_CHECKING, Any

import fastavro
import pytest

from consumer.registry.bundled import BundledCodec
from consumer.registry.compatibility import PROMISES, Promise, broken_promises, reads
from consumer.registry.files import Schema, Subject, schema_versions
from consumer.registry.records import record_fields
from tests.schemas.examples import FULL_EVENT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def with_new_field(schema: Schema, field: dict[str, Any]) -> Schema:
    changed = copy.deepcopy(schema)
    changed["fields"].append(field)
    return changed


def without_field(schema: Schema, name: str) -> Schema:
    changed = copy.deepcopy(schema)
    changed["fields"] = [field for field in changed["fields"] if field["name"] != name]
    return changed


NULLABLE = {"name": "material", "doc": "What it is made of.", "type": ["null", "string"], "default": None}
REQUIRED = {"name": "material", "doc": "What it is made of.", "type": "string"}


@pytest.mark.parametrize("subject", Subject)
def test_every_version_keeps_its_promise_to_all_earlier_ones(subject: Subject) -> None:
    assert broken_promises(schema_versions(subject), PROMISES[subject]) == []


@pytest.mark.parametrize("subject", Subject)
@pytest.mark.parametrize(
    ("change", "broken"),
    [
        pytest.param(lambda schema: with_new_field(schema, NULLABLE), {}, id="a nullable field may come"),
        pytest.param(
            lambda schema: with_new_field(schema, REQUIRED),
            {Promise.BACKWARD: [(2, 1)], Promise.FULL: [(2, 1)]},
            id="a field without default may not come",
        ),
        pytest.param(
            lambda schema: without_field(schema, "event_id"),
            {Promise.FULL: [(1, 2)]},
            id="a field without default may only go from what we read",
        ),
    ],
)
def test_a_second_version_is_judged(
    subject: Subject, change: Callable[[Schema], Schema], broken: dict[Promise, list[tuple[int, int]]]
) -> None:
    first = schema_versions(subject)[0]

    found = broken_promises([first, change(first)], PROMISES[subject])

    assert found == broken.get(PROMISES[subject], [])


REMOVABLE = ["images", "text", "quality", "review", "label_issues", "duplicates", "variant_group", "description"]


@pytest.mark.parametrize("name", REMOVABLE)
def test_a_field_with_a_default_may_go_from_what_we_publish(name: str) -> None:
    first = schema_versions(Subject.PRODUCT_ATTRIBUTES)[0]

    assert broken_promises([first, without_field(first, name)], Promise.FULL) == []


def test_a_third_version_is_held_against_the_first_too() -> None:
    """Each step alone is fine: the field comes with a default, then loses it."""
    first = schema_versions(Subject.PRODUCT_EVENTS)[0]
    second, third = with_new_field(first, NULLABLE), with_new_field(first, NULLABLE | {"default": None})
    del third["fields"][-1]["default"]

    assert broken_promises([first, second, third], Promise.BACKWARD) == [(3, 1)]


def test_a_symbol_of_a_later_version_reads_as_unknown() -> None:
    first = schema_versions(Subject.PRODUCT_EVENTS)[0]
    later = json.loads(json.dumps(first).replace('"DELETE"]', '"DELETE", "RECALL"]'))
    written = BytesIO()
    fastavro.schemaless_writer(written, later, record_fields(FULL_EVENT) | {"event_type": "RECALL"})

    read = fastavro.schemaless_reader(BytesIO(written.getvalue()), later, first)

    assert isinstance(read, dict)
    assert read["event_type"] == "UNKNOWN"
    assert reads(first, later)


def test_a_value_of_an_earlier_version_is_read_with_the_defaults_of_the_newest(tmp_path: Path) -> None:
    for subject in Subject:
        (tmp_path / subject).mkdir()
        (first,) = schema_versions(subject)
        (tmp_path / subject / "v1.avsc").write_text(json.dumps(first))
        (tmp_path / subject / "v2.avsc").write_text(json.dumps(with_new_field(first, NULLABLE)))
    value = BundledCodec().encode(Subject.PRODUCT_EVENTS, record_fields(FULL_EVENT))

    decoded = BundledCodec(tmp_path).decode(value, ())

    assert decoded.fields == record_fields(FULL_EVENT) | {"material": None}
