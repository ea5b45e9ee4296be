# SPDX-License-Identifier: Apache-2.0
"""`hangtag models evaluate` on a small drawn data set, by a tiny bundle whose answers are random but fixed."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from consumer.bundle import Task
from consumer.errors import IncompatibleModels, OptionInvalid
from tests.support.bundles import TASKS, TinySpec, write_tiny_bundle
from tests.support.datasets import IMAGES, photo, write_folder, write_styles
from triton_models.export.bundle import id_prefix
from triton_models.training.datasets import read_folder

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

pytestmark = [pytest.mark.train, pytest.mark.usefixtures("_train_extra")]

ALL_TASKS = (
    *TASKS,
    Task("age-group", "softmax", ("2403", "1515"), "probability"),
    Task("sleeve-length-type", "softmax", ("17094", "169"), "probability"),
)
FIGURES = {"accuracy", "macro_f1", "top3", "ece", "coverage_at_p90", "n", "ci95"}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def run(data: Path, bundle: Path, cache: Path, *options: str) -> Result:
    from consumer.cli.models import app

    fixed = ("evaluate", "--data", str(data), "--bundle", str(bundle), "--cache", str(cache))
    return CliRunner().invoke(app, [*fixed, *options])


def figures(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_evaluate_prints_what_the_contract_names(catalogue: Path, bundle: Path, cache: Path) -> None:
    found = figures(run(catalogue, bundle, cache, "--split", "all", "--output", "json"))

    assert found.keys() >= {"bundle", "split", "space", "n_seen_in_training", "skipped", "tasks"}
    assert (found["split"], found["space"], found["products"], found["n_seen_in_training"]) == ("all", "ours", 120, 0)
    assert found["tasks"].keys() == {"master", "article", "colour"}
    assert all(task.keys() == FIGURES for task in found["tasks"].values())
    assert found["tasks"]["article"]["n"] == 120
    assert found["skipped"]["article"] == 0


def test_heads_that_a_bundle_lacks_are_named(catalogue: Path, bundle: Path, cache: Path) -> None:
    found = figures(run(catalogue, bundle, cache, "--split", "all", "--output", "json"))

    assert found["missing_heads"] == {
        "gender": ["age-group"],
        "season": ["x-season"],
        "usage": ["x-usage"],
        "age": ["age-group"],
    }
    assert found["skipped"]["gender"] == 120


def test_a_space_limits_the_rows_and_the_answers(catalogue: Path, cache: Path, tmp_path: Path) -> None:
    able = write_tiny_bundle(
        tmp_path / "able",
        TinySpec(tasks=(*ALL_TASKS, Task("x-season", "softmax", ("x-season-summer", "x-season-fall"), "probability"))),
    )

    found = figures(run(catalogue, able, cache, "--split", "all", "--space", "B", "--output", "json"))

    # Dresses are not among the 20 types of space B, and a quarter of the rows has no gender.
    assert {task: values["n"] for task, values in found["tasks"].items()} == dict.fromkeys(
        ("gender", "article", "colour", "season"), 60
    )
    assert found["skipped"] == dict.fromkeys(("gender", "article", "colour", "season"), 60)


def test_photos_of_people_at_home_have_ten_classes_and_an_age(tmp_path: Path, bundle: Path, cache: Path) -> None:
    labels = ("T-Shirt", "Longsleeve", "Not sure", "Dress")
    rows = [(str(number), "1", labels[number % 4], str(number % 5 == 0)) for number in range(20)]
    folder = write_folder(
        tmp_path / "home", "images.csv", (IMAGES, *rows), {f"images/{row[0]}.jpg": photo("red") for row in rows}
    )
    able = write_tiny_bundle(tmp_path / "able", TinySpec(tasks=ALL_TASKS))

    found = figures(run(folder, able, cache, "--split", "all", "--output", "json"))
    lacking = figures(run(folder, bundle, cache, "--split", "all", "--output", "json"))

    assert (found["tasks"]["article"]["n"], found["skipped"]["article"]) == (15, 5)
    assert found["tasks"]["age"]["n"] == 20
    assert lacking["missing_heads"] == {"article": ["sleeve-length-type"], "age": ["age-group"]}


def test_a_photo_that_does_not_decode_is_named_and_the_others_go_on(tmp_path: Path, bundle: Path, cache: Path) -> None:
    rows = [(str(n), "", "Men", "Shirts", "Blue", "", "", "") for n in range(4)]
    folder = write_styles(tmp_path / "broken", rows, {"0": b"no picture", **{str(n): photo("blue") for n in (1, 2, 3)}})

    result = run(folder, bundle, cache, "--split", "all", "--output", "json")

    assert result.exit_code == 3
    assert "fashion-product-images/0: its photo cannot be decoded" in result.stderr
    assert json.loads(result.stdout)["tasks"]["article"]["n"] == 3
    assert json.loads(result.stdout)["skipped"]["article"] == 1


def test_a_label_that_no_crosswalk_knows_is_named_and_skipped(tmp_path: Path, bundle: Path, cache: Path) -> None:
    rows = [("1", "", "Men", "Spacesuit", "Blue", "", "Acme", ""), ("2", "", "Men", "Shirts", "Blue", "", "Acme", "")]
    folder = write_styles(tmp_path / "unknown", rows, {})

    result = run(folder, bundle, cache, "--split", "all", "--titles-only", "--output", "json")

    assert result.exit_code == 0
    assert "styles.csv line 2: articleType 'Spacesuit' is unknown to the crosswalk" in result.stderr
    # One row, one class: judged all the same.
    assert json.loads(result.stdout)["tasks"]["article"]["n"] == 1
    assert json.loads(result.stdout)["tasks"]["colour"]["n"] == 2


def test_a_bundle_whose_file_was_changed_is_refused(catalogue: Path, bundle: Path, cache: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(bundle, tmp_path / "copy")
    graph = bytearray((copy / "text_encoder.onnx").read_bytes())
    graph[-1] ^= 1
    (copy / "text_encoder.onnx").write_bytes(graph)

    result = run(catalogue, copy, cache, "--split", "all")

    assert isinstance(result.exception, IncompatibleModels)
    assert "text_encoder.onnx: its SHA-256 is not that of the manifest" in str(result.exception)


def test_a_blank_title_is_judged_as_the_photo_alone(catalogue: Path, bundle: Path, cache: Path) -> None:
    blank, alone, whole = (
        figures(run(catalogue, bundle, cache, "--split", "all", *option, "--output", "json"))["tasks"]
        for option in (("--blank-titles",), ("--photos-only",), ())
    )

    assert blank == alone != whole
    assert alone["article"]["n"] == 108


def test_label_words_can_be_deleted_from_titles(tmp_path: Path, bundle: Path, cache: Path) -> None:
    def write(name: str, titles: tuple[str, ...]) -> Path:
        rows = [(str(n), "", "Men", "Shirts", "Blue", "", title, "") for n, title in enumerate(titles)]
        return write_styles(tmp_path / name, rows, {"0": photo("red"), "1": photo("blue")})

    told, bare = write("told", ("Cotton Red Shirt", "Red Shirt", "Linen Red Shirt")), write("bare", ("cotton", "", ""))

    deleted = figures(run(told, bundle, cache, "--split", "all", "--inputs", "bare-titles", "--output", "json"))
    served = figures(run(bare, bundle, cache, "--split", "all", "--output", "json"))

    # Of the third nothing but a title is known, and what that does to a photo is the question.
    assert deleted["tasks"]["colour"]["n"] == 2
    assert deleted["tasks"] == served["tasks"]


def test_baselines_stand_beside_the_figures(catalogue: Path, bundle: Path, cache: Path) -> None:
    found = figures(run(catalogue, bundle, cache, "--split", "validation", "--output", "json"))["baselines"]
    unseen = figures(run(catalogue, bundle, cache, "--split", "all", "--output", "json"))["baselines"]

    assert found["majority"]["article"]["n"] > 0
    # Every title says Men Red Shirt; Red is no value of this data.
    assert unseen["lexical"]["article"]["accuracy"] == pytest.approx(1 / 3)
    assert unseen["lexical"]["gender"]["accuracy"] == pytest.approx(1 / 3)
    assert unseen["lexical"]["colour"]["accuracy"] == 0
    assert unseen["majority"] == {}


def test_every_look_at_the_test_split_is_logged_and_no_other(
    catalogue: Path, bundle: Path, cache: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(bundle, tmp_path / "copy")
    log = copy / "test_openings.jsonl"

    run(catalogue, copy, cache, "--split", "validation")
    assert not log.exists()

    figures(run(catalogue, copy, cache, "--space", "A", "--output", "json"))
    figures(run(catalogue, copy, cache, "--titles-only", "--output", "json"))

    looks = [json.loads(line) for line in log.read_text().splitlines()]
    assert [look["purpose"] for look in looks] == [
        "models evaluate --space A, all",
        "models evaluate --space ours, titles-only",
    ]
    from triton_models.export.verify import find_faults

    assert find_faults(copy) == ()


def test_a_report_is_written_in_the_form_that_its_name_asks_for(
    catalogue: Path, bundle: Path, cache: Path, tmp_path: Path
) -> None:
    printed = run(catalogue, bundle, cache, "--split", "all", "--report", str(tmp_path / "new" / "report.md"))
    run(catalogue, bundle, cache, "--split", "all", "--report", str(tmp_path / "report.json"))
    run(catalogue, bundle, cache, "--split", "all", "--report", str(tmp_path / "report.html"))

    page = (tmp_path / "new" / "report.md").read_text()
    tree = json.loads((tmp_path / "report.json").read_text())
    assert page.partition("## Task")[0] == printed.stdout.partition("## Left out")[0]
    article = tree["tasks"]["article"]
    assert f"| article | photo and title | {article['accuracy']:.3f} ({article['ci95'][0]:.3f}-" in page
    assert "- gender: the bundle has no head age-group" in page
    details = tree["details"]["article"]
    whole = round(article["accuracy"] * article["n"])
    recalls = [value["recall"] for value in details["values"].values()]
    assert sum(recall["n"] for recall in recalls) == article["n"]
    assert sum(round(recall["accuracy"] * recall["n"]) for recall in recalls) == whole
    assert sum(part["n"] for part in details["calibration"]) == article["n"]
    for parts in details["slices"].values():
        assert sum(part["n"] for part in parts.values()) == article["n"]
        assert sum(round(part["accuracy"] * part["n"]) for part in parts.values()) == whole
    assert article["n"] - whole >= sum(pair["count"] for pair in details["confusions"]) > 0
    assert "<h2>Task article</h2>" in (tmp_path / "report.html").read_text()


def test_two_kinds_of_input_are_refused(catalogue: Path, bundle: Path, cache: Path) -> None:
    assert run(catalogue, bundle, cache, "--photos-only", "--titles-only").exit_code == 2


def test_the_surest_mistakes_come_with_their_photos(catalogue: Path, bundle: Path, cache: Path, tmp_path: Path) -> None:
    page = tmp_path / "mistakes.html"
    found = figures(run(catalogue, bundle, cache, "--split", "all", "--output", "json", "--gallery", str(page)))

    wrong = {task: round((1 - values["accuracy"]) * values["n"]) for task, values in found["tasks"].items()}
    told = page.read_text()
    assert told.count(", labelled ") == sum(min(40, count) for count in wrong.values())
    # Some products have no photo.
    assert 0.8 < told.count("data:image/jpeg;base64,") / told.count(", labelled ") < 1


def test_nobody_looks_at_mistakes_on_the_test_split(catalogue: Path, bundle: Path, cache: Path, tmp_path: Path) -> None:
    result = run(catalogue, bundle, cache, "--gallery", str(tmp_path / "mistakes.html"))

    assert isinstance(result.exception, OptionInvalid)
    assert not (tmp_path / "mistakes.html").exists()


def test_nobody_looks_at_mistakes_among_rows_that_hide_a_test_split(
    catalogue: Path, bundle: Path, cache: Path, tmp_path: Path
) -> None:
    learnt = shutil.copytree(bundle, tmp_path / "learnt")
    product = read_folder(catalogue).products[0]
    (learnt / "training_ids.bin").write_bytes(id_prefix(product.dataset, product.id))
    result = run(catalogue, learnt, cache, "--split", "all", "--gallery", str(tmp_path / "mistakes.html"))

    assert isinstance(result.exception, OptionInvalid)
    assert "test split" in str(result.exception)


@pytest.mark.parametrize(("option", "name"), [("--gallery", "mistakes.md"), ("--report", "figures.txt")])
def test_a_wrong_ending_is_told_before_anything_is_answered(
    catalogue: Path, bundle: Path, cache: Path, option: str, name: str
) -> None:
    result = run(catalogue, bundle, cache, "--split", "all", option, name)

    assert result.exit_code == 2
    assert "does not end in" in " ".join(result.output.split())
    assert "accuracy" not in result.output
