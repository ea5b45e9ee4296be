# SPDX-License-Identifier: Apache-2.0
"""What a bundle says about itself: `manifest.json`.

Annotations are evaluated here (no `__future__` import), because pydantic checks the file against these classes.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from consumer.errors import IncompatibleModels

Parsed = TypeVar("Parsed")

_Count = Annotated[int, Field(ge=1)]
_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Floats = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """One question that the model answers; `labels` is the column order of its output tensors."""

    handle: str
    kind: Literal["softmax", "sigmoid"]
    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    output: Literal["probability", "logit"]


@dataclass(frozen=True, slots=True)
class BundleFile:
    """A file of the bundle and the SHA-256 of its bytes, lower-case hex."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    sha256: _Sha256


@dataclass(frozen=True, slots=True)
class CanaryRecipe:
    """How the canary's inputs are made: so many drawn images, and the token ids of one text without its padding."""

    images: _Count
    input_ids: Annotated[tuple[int, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Canary:
    """Known inputs and what the models must answer."""

    inputs: CanaryRecipe
    expected: Mapping[str, Mapping[str, Mapping[str, _Floats]]]
    """By precision (`f32`, `bf16`), ensemble and tensor; values in C order."""


@dataclass(frozen=True, slots=True)
class Licence:
    """What the bundle was made from, and under which terms."""

    source: str
    licence: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the consumer, the server and a person must know of a bundle."""

    bundle: _Count
    contract: _Count
    ontology: str
    lexicon: str
    side: _Count
    """Pixels of a view's side."""
    pixels: str
    """Version of the pixel code that the images went through, for example `pixels/v1`."""
    max_images: Annotated[int, Field(ge=1, le=8)]
    """Images of one product that the model takes."""
    text_length: Annotated[int, Field(ge=3)]
    """Tokens, padded and truncated to this one length."""
    text_format: str
    client_hash: _Sha256
    embedding_dim: _Count
    tasks: Annotated[tuple[Task, ...], Field(min_length=1)]
    view_types: tuple[str, ...]
    """Column order of `view_type`, `unknown` among them for what is none of the others; empty without that head."""
    canary: Canary
    files: tuple[BundleFile, ...]
    licences: tuple[Licence, ...]
    languages: Annotated[tuple[str, ...], Field(min_length=1)] = ("en",)
    """ISO 639 codes of the languages that the text tower learnt; texts in others are not shown to it."""


_MANIFEST = TypeAdapter(Manifest)


def read_manifest(path: Path) -> Manifest:
    """Parse `manifest.json`. Raises IncompatibleModels, which names the file and every faulty field."""
    return parse_checked(path, _MANIFEST)


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write `manifest.json`; the same manifest gives the same bytes."""
    tree = _MANIFEST.dump_python(manifest, mode="json")
    path.write_text(json.dumps(tree, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def parse_checked(path: Path, adapter: TypeAdapter[Parsed]) -> Parsed:
    """A JSON file of a bundle as the adapter's type. Raises IncompatibleModels with the file and every faulty field."""
    try:
        return adapter.validate_json(path.read_bytes())
    except OSError as error:
        raise IncompatibleModels(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc'])) or '(file)'}: {fault['msg']}" for fault in error.errors())
        raise IncompatibleModels(f"{path}: " + "; ".join(faults)) from error


def client_hash(manifest: Manifest, vocabulary: Iterable[str]) -> str:
    """SHA-256 over everything that the client bakes into requests or answers.

    Two bundles with the same hash may be swapped under a running consumer: vocabulary, format, length and languages of
    texts, side, pixels version, images per product and labels are the same.
    """
    parts = [
        manifest.text_format,
        manifest.text_length,
        sorted(manifest.languages),
        manifest.side,
        manifest.pixels,
        manifest.max_images,
        [[task.handle, task.kind, task.output, list(task.labels)] for task in manifest.tasks],
        list(manifest.view_types),
        list(vocabulary),
    ]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()
