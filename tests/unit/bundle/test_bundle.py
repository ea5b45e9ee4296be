# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from consumer.bundle import NEVER, Manifest, Task, client_hash, load_bundle, read_manifest, write_manifest
from consumer.errors import IncompatibleModels, SettingsInvalid
from tests.support.manifests import reseal

if TYPE_CHECKING:
    from pathlib import Path


def test_a_bundle_reads_back_what_was_written(bundle_folder: Path, manifest: Manifest) -> None:
    bundle = load_bundle(bundle_folder)

    assert replace(bundle.manifest, client_hash=manifest.client_hash, files=()) == manifest
    assert bundle.tokeniser.length == manifest.text_length
    assert bundle.thresholds.version == "t1"


@pytest.mark.parametrize(
    "change",
    [
        {"text_format": "text/v9"},
        {"text_length": 17},
        {"languages": ("en", "fr")},
        {"side": 9},
        {"pixels": "pixels/v2"},
        {"max_images": 4},
        {"view_types": ("WHITE_BACKGROUND",)},
        {"tasks": (Task("category", "softmax", ("aa-8-6", "aa-1-4"), "probability"),)},
        {"tasks": (Task("category", "softmax", ("aa-1-4", "aa-8-6"), "logit"),)},
    ],
)
def test_client_hash_changes_with_each_part_that_clients_rely_on(
    manifest: Manifest, vocabulary: tuple[str, ...], change: dict[str, Any]
) -> None:
    if "tasks" in change:
        manifest = replace(manifest, tasks=manifest.tasks[:1])

    assert client_hash(replace(manifest, **change), vocabulary) != client_hash(manifest, vocabulary)


def test_client_hash_changes_with_the_vocabulary(manifest: Manifest, vocabulary: tuple[str, ...]) -> None:
    assert client_hash(manifest, (*vocabulary, "teal")) != client_hash(manifest, vocabulary)
    assert client_hash(manifest, (*vocabulary[:-2], vocabulary[-1], vocabulary[-2])) != client_hash(
        manifest, vocabulary
    )


def test_client_hash_ignores_what_may_differ_between_swapped_bundles(
    manifest: Manifest, vocabulary: tuple[str, ...]
) -> None:
    two, turned = (replace(manifest, languages=languages) for languages in (("en", "fr"), ("fr", "en")))

    assert client_hash(replace(manifest, bundle=4, ontology="v2"), vocabulary) == client_hash(manifest, vocabulary)
    assert client_hash(two, vocabulary) == client_hash(turned, vocabulary)


def test_a_bundle_that_was_trained_on_another_text_format_is_refused(
    bundle_folder: Path, manifest: Manifest, vocabulary: tuple[str, ...]
) -> None:
    older = replace(manifest, text_format="text/v0")
    write_manifest(bundle_folder / "manifest.json", replace(older, client_hash=client_hash(older, vocabulary)))

    with pytest.raises(IncompatibleModels, match="composes text/v1, the bundle was trained on text/v0"):
        load_bundle(bundle_folder)


def test_a_vocabulary_of_another_bundle_is_refused(bundle_folder: Path) -> None:
    with (bundle_folder / "vocabulary.txt").open("a") as file:
        file.write("teal\n")
    reseal(bundle_folder)

    with pytest.raises(IncompatibleModels, match=r"manifest\.json: client_hash"):
        load_bundle(bundle_folder)


@pytest.mark.parametrize("name", ["vocabulary.txt", "thresholds.json"])
def test_a_file_that_is_not_the_one_of_the_manifest_is_refused_with_what_to_do(bundle_folder: Path, name: str) -> None:
    path = bundle_folder / name
    path.write_bytes(path.read_bytes() + b" ")

    with pytest.raises(IncompatibleModels, match=rf"{name}: its SHA-256 is not .* copy the bundle anew") as caught:
        load_bundle(bundle_folder)
    assert caught.value.exit_code == 12


def test_a_file_that_the_manifest_does_not_list_is_refused(bundle_folder: Path) -> None:
    manifest = read_manifest(bundle_folder / "manifest.json")
    listed = tuple(file for file in manifest.files if file.name != "thresholds.json")
    write_manifest(bundle_folder / "manifest.json", replace(manifest, files=listed))

    with pytest.raises(IncompatibleModels, match=r"thresholds\.json: its SHA-256"):
        load_bundle(bundle_folder)


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        ("side", "big", "side"),
        ("max_images", 9, "max_images"),
        ("tasks", [{"handle": "color", "kind": "argmax", "labels": ["2"], "output": "logit"}], r"tasks\.0\.kind"),
        ("client_hash", "abc", "client_hash"),
    ],
)
def test_a_faulty_manifest_is_refused_with_file_and_field(
    bundle_folder: Path, field: str, value: object, place: str
) -> None:
    path = bundle_folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))

    with pytest.raises(IncompatibleModels, match=rf"manifest\.json: .*{place}: "):
        read_manifest(path)


def test_every_missing_field_is_named_at_once(bundle_folder: Path) -> None:
    (bundle_folder / "manifest.json").write_text("{}")

    with pytest.raises(IncompatibleModels, match=r"bundle: .*side: .*tasks: .*files: "):
        load_bundle(bundle_folder)


def test_unknown_fields_of_a_newer_writer_are_read_over(bundle_folder: Path) -> None:
    path = bundle_folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"drift_reference": None}))

    assert load_bundle(bundle_folder).manifest.bundle == 3


@pytest.mark.parametrize("name", ["manifest.json", "vocabulary.txt", "thresholds.json"])
def test_a_missing_file_is_named(bundle_folder: Path, name: str) -> None:
    (bundle_folder / name).unlink()

    with pytest.raises(IncompatibleModels, match=name):
        load_bundle(bundle_folder)


def test_a_folder_that_is_not_there_is_a_settings_fault(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"triton\.bundle: .*nowhere"):
        load_bundle(tmp_path / "nowhere")


def test_thresholds_of_a_task_without_a_head_are_refused(bundle_folder: Path) -> None:
    path = bundle_folder / "thresholds.json"
    tree = json.loads(path.read_text())
    del tree["tasks"]["color"]["text"]
    path.write_text(json.dumps(tree))
    reseal(bundle_folder)

    with pytest.raises(IncompatibleModels, match=r"thresholds\.json: missing: tasks\.color\.text"):
        load_bundle(bundle_folder)


def test_the_modalities_choose_the_head_whose_thresholds_hold(bundle_folder: Path) -> None:
    path = bundle_folder / "thresholds.json"
    tree = json.loads(path.read_text())
    tree["tasks"]["color"]["image"] = {"accept": NEVER, "suggest": 0.1}
    path.write_text(json.dumps(tree))
    reseal(bundle_folder)

    thresholds = load_bundle(bundle_folder).thresholds

    assert thresholds.pick("color", frozenset({"image"})).accept == NEVER
    assert thresholds.pick("color", frozenset({"text"})).accept_of("2") == 0.7
    assert thresholds.pick("color", frozenset({"image", "text"})).accept_of("x-shade-maroon") == 0.8
    with pytest.raises(ValueError, match="no modality"):
        thresholds.pick("color", frozenset())
