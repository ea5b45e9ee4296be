# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from consumer.bundle import load_bundle, read_manifest, write_manifest
from consumer.errors import IncompatibleModels, SettingsInvalid
from consumer.triton.tensors import MAX_IMAGES, Ensemble, Tensor, signature
from tests.support.bundles import TinySpec, write_tiny_bundle
from triton_models.export.repository import STEPS, build_repository, cpu_precision

if TYPE_CHECKING:
    from tests.unit.triton.conftest import Served

MODELS = (*STEPS, *Ensemble)


def config(repository: Path, model: str) -> Any:
    text = (repository / model / "config.pbtxt").read_text()
    return text_format.Parse(text, model_config_pb2.ModelConfig())


def tensors(declared: Any) -> set[Tensor]:
    return {
        Tensor(
            tensor.name,
            model_config_pb2.DataType.Name(tensor.data_type).removeprefix("TYPE_"),
            tuple(tensor.dims),
        )
        for tensor in declared
    }


def test_every_model_has_a_config_and_the_bundles_version(served: Served) -> None:
    assert {path.name for path in served.repository.iterdir()} == set(MODELS)
    for model in MODELS:
        assert config(served.repository, model).name == model
        assert (served.repository / model / "1").is_dir()


@pytest.mark.parametrize("ensemble", Ensemble)
def test_an_ensemble_declares_the_contract_and_pins_its_steps(served: Served, ensemble: Ensemble) -> None:
    served_config = config(served.repository, ensemble)
    expected = signature(served.bundle.manifest, ensemble)

    assert tensors(served_config.input) == set(expected.inputs)
    assert tensors(served_config.output) == set(expected.outputs)
    assert served_config.max_batch_size == 0
    assert list(served_config.version_policy.specific.versions) == [1]
    assert {step.model_version for step in served_config.ensemble_scheduling.step} == {1}
    assert {key: value.string_value for key, value in served_config.parameters.items()} == {
        "bundle": "1",
        "contract": "1",
        "ontology": "v1",
        "preprocessing": "pixels/v1",
        "precision": "f32",
    }


@pytest.mark.parametrize("ensemble", Ensemble)
def test_every_tensor_of_an_ensemble_comes_from_somewhere(served: Served, ensemble: Ensemble) -> None:
    served_config = config(served.repository, ensemble)
    known = {tensor.name for tensor in served_config.input}
    for step in served_config.ensemble_scheduling.step:
        model = config(served.repository, step.model_name)
        assert set(step.input_map) == {tensor.name for tensor in model.input}
        assert set(step.output_map) == {tensor.name for tensor in model.output}
        assert set(step.input_map.values()) <= known
        known |= set(step.output_map.values())

    assert {tensor.name for tensor in served_config.output} <= known


@pytest.mark.parametrize("step", STEPS)
def test_steps_batch_without_any_queue_policy(served: Served, step: str) -> None:
    served_config = config(served.repository, step)

    if step == "image_pool":
        assert served_config.max_batch_size == 0
        assert not served_config.HasField("dynamic_batching")
    else:
        assert served_config.max_batch_size == MAX_IMAGES
        # Any queue policy stalls an idle model for up to 500 ms.
        assert served_config.HasField("dynamic_batching")
        assert served_config.dynamic_batching == model_config_pb2.ModelDynamicBatching()
    assert served_config.version_policy.latest.num_versions == 2
    assert served_config.parameters["precision"].string_value == "f32"


def test_the_pool_compares_in_f32_whatever_the_others_compute_in(served: Served, tmp_path: Path) -> None:
    build_repository(served.folder, tmp_path, precision="bf16")

    precisions = {step: config(tmp_path, step).parameters["precision"].string_value for step in STEPS}
    assert precisions == {step: "f32" if step == "image_pool" else "bf16" for step in STEPS}


def test_a_second_bundle_is_laid_beside_the_first_and_takes_over(tmp_path: Path) -> None:
    for number in (1, 2):
        bundle = write_tiny_bundle(tmp_path / f"bundle-{number}", TinySpec(bundle=number, seed=number))
        build_repository(bundle, tmp_path / "repository")

    for model in MODELS:
        assert {"1", "2"} <= {path.name for path in (tmp_path / "repository" / model).iterdir()}
    for ensemble in Ensemble:
        served_config = config(tmp_path / "repository", ensemble)
        assert list(served_config.version_policy.specific.versions) == [2]
        assert {step.model_version for step in served_config.ensemble_scheduling.step} == {2}


def test_building_twice_gives_the_same_bytes(served: Served, tmp_path: Path) -> None:
    for _ in range(2):
        build_repository(served.folder, tmp_path, precision="f32")

    files = [path.relative_to(tmp_path) for path in sorted(tmp_path.rglob("*")) if path.is_file()]
    assert len(files) >= 3 * len(STEPS) + len(MODELS)
    for file in files:
        assert (tmp_path / file).read_bytes() == (served.repository / file).read_bytes()


def test_the_server_finds_bytecode_and_need_not_write_any(served: Served) -> None:
    for step in STEPS:
        assert list((served.repository / step / "1" / "__pycache__").glob("model.*.pyc"))


@pytest.mark.parametrize("broken", ["image_encoder.onnx", "thresholds.json"])
def test_a_file_that_is_not_the_manifests_is_refused(tmp_path: Path, broken: str) -> None:
    bundle = write_tiny_bundle(tmp_path / "bundle")
    (bundle / broken).write_bytes((bundle / broken).read_bytes() + b" ")

    with pytest.raises(IncompatibleModels, match=f"{broken}: is not the file that the manifest was made for"):
        build_repository(bundle, tmp_path / "repository")
    assert not (tmp_path / "repository").exists()


def test_a_missing_graph_is_refused(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path / "bundle")
    (bundle / "image_pool.onnx").unlink()

    with pytest.raises(IncompatibleModels, match=r"image_pool\.onnx: is missing"):
        build_repository(bundle, tmp_path / "repository")


def test_a_graph_that_the_manifest_does_not_list_is_refused(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path / "bundle")
    path = bundle / "manifest.json"
    path.write_text(path.read_text().replace('"text_encoder.onnx"', '"other.onnx"'))
    (bundle / "text_encoder.onnx").rename(bundle / "other.onnx")

    with pytest.raises(IncompatibleModels, match=r"files: lacks text_encoder\.onnx"):
        build_repository(bundle, tmp_path / "repository")


def test_a_bundle_of_another_contract_is_refused(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path / "bundle")
    write_manifest(bundle / "manifest.json", replace(read_manifest(bundle / "manifest.json"), contract=2))

    with pytest.raises(IncompatibleModels, match="contract 2"):
        build_repository(bundle, tmp_path / "repository")


def test_an_unknown_profile_is_a_wrong_setting(served: Served, tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="'quantum' is none of cpu"):
        build_repository(served.folder, tmp_path, profile="quantum")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("avx512f avx512_bf16", "bf16"), ("amx_bf16 amx_tile", "bf16"), ("avx512f avx512_vnni", "f32"), ("", "f32")],
)
def test_bf16_is_chosen_where_the_cpu_computes_it(tmp_path: Path, flags: str, expected: str) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: fpu {flags}\nbugs\t\t: avx512_bf16\n")

    assert cpu_precision(cpuinfo) == expected


def test_building_needs_no_torch_and_no_onnx(served: Served, tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from triton_models.export.repository import build_repository;"
        f"build_repository(Path({str(served.folder)!r}), Path({str(tmp_path)!r}));"
        "assert not {'torch', 'onnx', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_openvino_sends_no_telemetry_when_we_build_or_serve(served: Served, tmp_path: Path) -> None:
    program = f"""
import json, sys
from pathlib import Path
from triton_models.export.repository import build_repository
build_repository(Path({str(served.folder)!r}), Path("built"))
sys.modules["triton_python_backend_utils"] = type(sys)("triton_python_backend_utils")
sys.path.insert(0, "built/text_encoder/1")
from model import TritonPythonModel
tensors = {{"input": [{{"name": "input_ids"}}], "output": [{{"name": "text_features"}}]}}
config = tensors | {{"max_batch_size": 8, "parameters": {{"precision": {{"string_value": "f32"}}}}}}
folder = str(Path("built/text_encoder").absolute())
TritonPythonModel().initialize(
    {{"model_config": json.dumps(config), "model_repository": folder, "model_version": "1"}}
)
assert sys.modules["openvino_telemetry"] is None
"""
    environment = {name: value for name, value in os.environ.items() if name != "CI"}  # where it is off by itself
    paths = os.pathsep.join([str(Path.cwd()), environment.get("PYTHONPATH", "")])
    environment |= {"HOME": str(tmp_path), "PYTHONPATH": paths}
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path, env=environment)

    assert not (tmp_path / "intel").exists()  # where it keeps its client id


def test_onnx_runtime_reports_nothing_when_we_load_it(served: Served, tmp_path: Path) -> None:
    program = f"""
from triton_models.export.quiet_runtimes import load_onnxruntime
load_onnxruntime().InferenceSession({str(served.folder / "image_pool.onnx")!r}, providers=["CPUExecutionProvider"])
"""
    environment = os.environ | {"HOME": str(tmp_path), "PYTHONPATH": str(Path.cwd())}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)

    assert not (tmp_path / ".cache" / "Microsoft").exists()  # where it keeps what it will send


def test_the_tiny_bundle_is_small_whole_and_the_same_every_time(tmp_path: Path) -> None:
    first, second = (write_tiny_bundle(tmp_path / name) for name in ("first", "second"))

    assert load_bundle(first).manifest == load_bundle(second).manifest
    assert sum(path.stat().st_size for path in first.iterdir()) < 64_000
