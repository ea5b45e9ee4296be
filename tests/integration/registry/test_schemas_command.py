# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from consumer.cli import app
from consumer.errors import Refused, RegistryUnavailable, SettingsInvalid
from consumer.registry.files import Subject, schema_versions

if TYPE_CHECKING:
    from typer.testing import Result

    from tests.support.registry import SchemaHost

NEWEST = {subject: schema_versions(subject)[-1] for subject in Subject}


@pytest.fixture
def host(schema_host: SchemaHost, monkeypatch: pytest.MonkeyPatch) -> SchemaHost:
    monkeypatch.setenv("HANGTAG_REGISTRY__URL", schema_host.url)
    return schema_host


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["schemas", *arguments])


def answer(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--output", "json")
    return {"exit_code": result.exit_code, **json.loads(result.stdout)}


def fates(done: dict[str, Any]) -> list[tuple[str, int, str]]:
    return [(version["subject"], version["version"], version["fate"]) for version in done["versions"]]


def everything(fate: str) -> list[tuple[str, int, str]]:
    return [(subject.value, 1, fate) for subject in Subject]


def test_the_shipped_schemas_keep_their_promises_without_any_registry() -> None:
    found = answer("check")

    assert (found["exit_code"], found["registry"], found["findings"]) == (0, None, [])
    assert [(subject["subject"], subject["promise"]) for subject in found["subjects"]] == [
        ("product-events-value", "BACKWARD_TRANSITIVE"),
        ("product-attributes-value", "FULL_TRANSITIVE"),
        ("product-embeddings-value", "FULL_TRANSITIVE"),
    ]


def test_a_dry_run_says_what_it_would_do_and_changes_nothing(host: SchemaHost) -> None:
    done = answer("register", "--dry-run")

    assert (done["exit_code"], done["dry_run"], fates(done)) == (0, True, everything("would be registered"))
    assert (host.schemas, host.levels) == ([], {})


def test_registering_makes_the_check_green_and_may_be_repeated(host: SchemaHost) -> None:
    assert answer("check")["exit_code"] == 1

    first, second = answer("register"), answer("register")

    assert (first["exit_code"], fates(first)) == (0, everything("registered"))
    assert (second["exit_code"], fates(second)) == (0, everything("was there"))
    assert [version["schema_id"] for version in first["versions"]] == [1, 2, 3]
    assert [json.loads(schema) for schema in host.schemas] == list(NEWEST.values())
    assert host.levels == {
        "product-events-value": "BACKWARD_TRANSITIVE",
        "product-attributes-value": "FULL_TRANSITIVE",
        "product-embeddings-value": "FULL_TRANSITIVE",
    }
    assert answer("check")["findings"] == []


def test_subjects_are_named_after_the_topics_of_the_settings(host: SchemaHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANGTAG_TOPICS__EVENTS", "shop.products")

    answer("register")

    assert list(host.subjects) == ["shop.products-value", "product-attributes-value", "product-embeddings-value"]


def test_a_level_that_somebody_chose_stays(host: SchemaHost) -> None:
    host.levels["product-events-value"] = "NONE"

    answer("register")

    assert host.levels["product-events-value"] == "NONE"


def test_a_rejected_version_is_reported_and_the_other_subjects_go_on(host: SchemaHost) -> None:
    host.add({"type": "string"}, "product-attributes-value")

    done = answer("register")

    assert done["exit_code"] == 1
    assert [fate for _, _, fate in fates(done)] == ["registered", "rejected", "registered"]
    assert "incompatible" in done["versions"][1]["reason"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        pytest.param(
            lambda schema: schema["fields"].append({"name": "material", "type": ["null", "string"], "default": None}),
            None,
            id="a nullable field came: both sides read each other",
        ),
        pytest.param(
            lambda schema: schema["fields"].pop(0), "break FULL_TRANSITIVE", id="a field went that had no default"
        ),
    ],
)
def test_what_others_registered_since_is_held_against_our_promise(host: SchemaHost, change: Any, fault: str) -> None:
    answer("register")
    theirs = copy.deepcopy(NEWEST[Subject.PRODUCT_ATTRIBUTES])
    change(theirs)
    host.add(theirs, "product-attributes-value")

    found = answer("check")

    assert [finding["fault"].rpartition(", ")[2] for finding in found["findings"]] == ([fault] if fault else [])
    assert found["exit_code"] == (1 if fault else 0)


def test_a_latest_version_that_is_no_avro_schema_is_a_finding(host: SchemaHost) -> None:
    answer("register")
    host.add('syntax = "proto3";', "product-events-value", kind="PROTOBUF")

    assert [finding["fault"] for finding in answer("check")["findings"]] == [
        "the registry's latest, version 2, is no Avro schema"
    ]


def test_the_text_names_subject_version_and_id(host: SchemaHost) -> None:
    assert host.schemas == []
    assert run("register").stdout.splitlines()[0] == "product-events-value v1: registered, id 1"
    assert run("check").stdout.startswith("0 findings; checked against each other and against the registry at http")


def test_registering_without_a_registry_is_a_fault_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HANGTAG_REGISTRY__URL", raising=False)

    assert isinstance(run("register").exception, SettingsInvalid)


def test_an_outage_and_a_refusal_end_the_command(host: SchemaHost) -> None:
    host.always = (503, "no upstream")
    assert isinstance(run("check").exception, RegistryUnavailable)

    host.always = (401, {"error_code": 40101, "message": "Unauthorized"})
    assert isinstance(run("register").exception, Refused)
