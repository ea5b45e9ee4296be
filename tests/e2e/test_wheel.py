# SPDX-License-Identifier: Apache-2.0
"""The wheel in an empty environment: what a user who types `pip install hangtag` gets."""

import json
import statistics
import subprocess
import sys
import time
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "confluent_kafka", "numpy", "aiohttp", "tritonclient", "PIL", "openvino", "transformers"}

HELP_AND_MODULES = """
import json, sys
sys.argv = ["hangtag", "--help"]
from consumer.cli import main
try:
    main()
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return next(folder.glob("hangtag-*.whl"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    subprocess.run(
        [
            folder / "bin/pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-c",
            ROOT / "constraints.txt",
            wheel,
        ],
        check=True,
    )
    return folder / "bin"


def test_the_wheel_holds_the_code_the_models_the_schemas_and_the_registries(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    for name in (
        "consumer/pipeline.py",
        "consumer/images/registries/iana-ipv4-special-registry.csv",
        "consumer/images/registries/iana-ipv6-special-registry.csv",
        "triton_models/ontology/v1.json",
        "triton_models/starter/manifest.json",
        "consumer/_schemas/product-events-value/v1.avsc",
    ):
        assert name in names
    assert not [name for name in names if name.startswith("tests/")]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_help_runs_in_an_empty_environment_without_heavy_imports(environment: Path) -> None:
    shown = subprocess.run(
        [environment / "python", "-c", HELP_AND_MODULES], capture_output=True, text=True, check=True, cwd=environment
    )

    assert "Tags fashion products" in shown.stdout
    assert not HEAVY & set(json.loads(shown.stderr.splitlines()[-1]))
    seconds = [_seconds([environment / "hangtag", "--help"]) for _ in range(5)]
    print(f"\nhangtag --help: median {statistics.median(seconds):.2f} s of {len(seconds)} (aim 0.5 s)")


@pytest.mark.slow
def test_the_installed_package_finds_its_schemas_and_its_starter_bundle(environment: Path) -> None:
    code = (
        "from consumer.registry.bundled import BundledCodec; from consumer.bundle import load_bundle;"
        "BundledCodec(); print(load_bundle().manifest.bundle)"
    )

    shown = subprocess.run(
        [environment / "python", "-c", code], capture_output=True, text=True, check=True, cwd=environment
    )

    assert int(shown.stdout) >= 1


def _seconds(command: list[str | Path]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
