# SPDX-License-Identifier: Apache-2.0
"""Builds the folder that Triton serves from: one folder per model, one numbered folder per bundle inside.

`triton_models/repository/` holds the templates: `<model>/<profile>.pbtxt` says how a step runs, and
`<ensemble>/ensemble.pbtxt` which steps it has. Tensors are read from the graphs, the rest from the manifest. No torch.
"""

from __future__ import annotations

import compileall
import shutil
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import TYPE_CHECKING, Any, Literal

from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from consumer.bundle import read_manifest, sha256_of
from consumer.errors import IncompatibleModels, SettingsInvalid
from consumer.triton.tensors import CONTRACT, PER_IMAGE, Ensemble, Tensor, signature
from triton_models.export.quiet_runtimes import load_openvino

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.bundle import Manifest

Precision = Literal["bf16", "f32"]

STEPS = ("image_encoder", "image_pool", "text_encoder", "fusion_heads", "fusion_heads_image", "fusion_heads_text")

_DATATYPES = {"u8": "UINT8", "i64": "INT64", "f32": "FP32"}


@dataclass(frozen=True, slots=True)
class Profile:
    """How the steps run: the name of their templates, and where their program lies, for backends that need one."""

    name: str
    program: str | None


#: Where each profile's parts are. Another profile is another entry and another template beside each `cpu.pbtxt`.
PROFILES = {"cpu": Profile("cpu", "openvino/model.py")}


def build_repository(
    bundle: Path, out: Path, *, precision: Literal["auto"] | Precision = "auto", profile: str = "cpu"
) -> None:
    """Write the bundle's version of all nine models into `out`; versions of other bundles there stay.

    The configs then name this bundle. `auto` takes bf16 where this machine's CPU computes it, else f32: build where you
    serve. Mount the result read-only. Raises IncompatibleModels when a file is missing or is not the one that the
    manifest was made for, SettingsInvalid for an unknown profile.
    """
    if profile not in PROFILES:
        raise SettingsInvalid(f"settings are wrong:\n  profile: {profile!r} is none of {', '.join(PROFILES)}")
    manifest = read_manifest(bundle / "manifest.json")
    _check_files(bundle, manifest)
    parameters = {
        "bundle": str(manifest.bundle),
        "contract": str(manifest.contract),
        "ontology": manifest.ontology,
        "preprocessing": manifest.pixels,
        "precision": cpu_precision() if precision == "auto" else precision,
    }
    with as_file(files("triton_models") / "repository") as templates:
        for step in STEPS:
            _write_step(_Site(templates, out, manifest, parameters), step, bundle / f"{step}.onnx", PROFILES[profile])
        for ensemble in Ensemble:
            _write_ensemble(_Site(templates, out, manifest, parameters), ensemble)
    # Bytecode that the server would write later looks like a changed model to it, and it reloads every step.
    # By hash, not by time, and without our path: copying the folder must not make it stale.
    compileall.compile_dir(out, quiet=1, stripdir=out, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)


def cpu_precision(cpuinfo: Path = Path("/proc/cpuinfo")) -> Precision:
    """bf16 where the CPU has instructions for it: about twice the speed. Elsewhere bf16 would be emulated."""
    flags = next((line.split() for line in cpuinfo.read_text().splitlines() if line.startswith("flags")), [])
    return "bf16" if {"avx512_bf16", "amx_bf16"} & set(flags) else "f32"


@dataclass(frozen=True, slots=True)
class _Site:
    templates: Path
    out: Path
    manifest: Manifest
    parameters: dict[str, str]

    def config(self, model: str, template: str) -> Any:  # a protobuf message; protobuf ships no types
        """The template as a ModelConfig, with its name and the parameters that it does not fix itself."""
        text = (self.templates / model / f"{template}.pbtxt").read_text()
        config = text_format.Parse(text, model_config_pb2.ModelConfig(name=model))
        for key, value in self.parameters.items():
            if key not in config.parameters:
                config.parameters[key].string_value = value
        return config

    def version_folder(self, model: str) -> Path:
        """A new, empty folder for this bundle's version of the model."""
        folder = self.out / model / str(self.manifest.bundle)
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        return folder

    def write_config(self, config: Any) -> None:  # see above
        """Write `config.pbtxt`."""
        (self.out / config.name / "config.pbtxt").write_text(text_format.MessageToString(config))


def _check_files(bundle: Path, manifest: Manifest) -> None:
    if manifest.contract != CONTRACT:
        raise IncompatibleModels(f"{bundle}: contract {manifest.contract}, but this program speaks {CONTRACT}")
    listed = {file.name: file.sha256 for file in manifest.files}
    if unlisted := [f"{step}.onnx" for step in STEPS if f"{step}.onnx" not in listed]:
        raise IncompatibleModels(f"{bundle / 'manifest.json'}: files: lacks {', '.join(unlisted)}")
    for name, sha256 in listed.items():
        path = bundle / name
        if not path.is_file():
            raise IncompatibleModels(f"{path}: is missing")
        if sha256_of(path) != sha256:
            raise IncompatibleModels(f"{path}: is not the file that the manifest was made for: SHA-256 differs")


def _write_step(site: _Site, step: str, graph: Path, profile: Profile) -> None:
    config = site.config(step, profile.name)
    inputs, outputs = read_graph(graph)
    _declare(config.input, inputs, is_batched=config.max_batch_size > 0)
    _declare(config.output, outputs, is_batched=config.max_batch_size > 0)
    folder = site.version_folder(step)
    shutil.copyfile(graph, folder / "model.onnx")
    if profile.program:
        shutil.copyfile(site.templates / profile.program, folder / "model.py")
    site.write_config(config)


def _write_ensemble(site: _Site, ensemble: Ensemble) -> None:
    config = site.config(ensemble, "ensemble")
    tensors = signature(site.manifest, ensemble)
    _declare(config.input, tensors.inputs, is_batched=False)
    _declare(config.output, tensors.outputs, is_batched=False)
    config.version_policy.specific.versions.append(site.manifest.bundle)
    steps = config.ensemble_scheduling.step
    for step in steps:
        # Pinned: with -1 the steps would switch one by one during a swap, and answers would mix two bundles.
        step.model_version = site.manifest.bundle
    given = {name for step in steps for name in step.output_map}
    heads = steps[-1]
    for tensor in tensors.outputs:
        if tensor.name not in given:
            heads.output_map[tensor.name] = tensor.name
    site.version_folder(ensemble)
    site.write_config(config)


def _declare(declared: Any, tensors: Iterable[Tensor], *, is_batched: bool) -> None:  # a repeated protobuf field
    for tensor in tensors:
        shape = tensor.shape[1:] if is_batched else tensor.shape
        declared.add(name=tensor.name, data_type=getattr(model_config_pb2, f"TYPE_{tensor.datatype}"), dims=shape)


def read_graph(path: Path) -> tuple[list[Tensor], list[Tensor]]:
    """Inputs and outputs of an ONNX file. Raises IncompatibleModels for a type or a shape that cannot be served."""
    graph = load_openvino().Core().read_model(path)
    return [_tensor(path, port) for port in graph.inputs], [_tensor(path, port) for port in graph.outputs]


def _tensor(path: Path, port: Any) -> Tensor:  # openvino ships no types
    name, datatype = port.get_any_name(), port.get_element_type().get_type_name()
    shape = tuple(PER_IMAGE if size.is_dynamic else size.get_length() for size in port.get_partial_shape())
    if datatype not in _DATATYPES:
        raise IncompatibleModels(f"{path}: {name} has type {datatype}; served are {', '.join(_DATATYPES)}")
    if PER_IMAGE in shape[1:]:
        raise IncompatibleModels(f"{path}: {name} has shape {list(shape)}: only the first dimension may be open")
    return Tensor(name, _DATATYPES[datatype], shape)
