# SPDX-License-Identifier: Apache-2.0
"""The shipped bundle's files in the runtimes and precisions that may serve them."""

from __future__ import annotations

import hashlib
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from consumer.bundle import read_text
from consumer.enrichment.ontology import Ontology
from consumer.events import FetchReason
from consumer.images.decoding import decode
from consumer.triton.prediction import probabilities
from consumer.triton.tensors import Ensemble
from tests.bench.models import tables
from triton_models.export.runtimes import OnnxRuntime, OpenVino, run_ensemble
from triton_models.training.datasets import PhotoArchive, read_folder
from triton_models.training.evaluate import Answers
from triton_models.training.examine import select
from triton_models.training.inputs import event_of
from triton_models.training.page import table_lines
from triton_models.training.shortcuts import against_whole
from triton_models.training.spaces import load_space
from triton_models.training.split import Split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from consumer.bundle import Bundle, Head
    from triton_models.export.runtimes import Runtime
    from triton_models.training.datasets import LabelledProduct
    from triton_models.training.progress import Progress

    Tensors = Mapping[str, NDArray[np.generic]]

SPACE = "A"
RUNTIMES: Mapping[str, Callable[[Path], Runtime]] = {
    "ONNX Runtime, f32": OnnxRuntime,
    "OpenVINO, f32": partial(OpenVino, precision="f32"),
    "OpenVINO, bf16": partial(OpenVino, precision="bf16"),
}


def report(bundle: Bundle, catalogue: Path, count: int, progress: Progress) -> list[str]:
    """Of products with photo and title: what the first runtime makes of them, and what the others change."""
    folder = read_folder(catalogue)
    validation, _ = select(folder.products, Split.VALIDATION)
    whole = [product for product in validation if product.photo and product.title]
    products = sorted(whole, key=lambda product: hashlib.sha256(product.key.encode()).digest())[:count]
    asked = dict(_requests(bundle, products))
    said, seconds = {}, {}
    for name, runtime in RUNTIMES.items():
        started = time.process_time()
        said[name] = _answers(bundle, runtime(bundle.folder), asked, progress.of(name))
        seconds[name] = time.process_time() - started
    space = load_space(SPACE, folder.dataset, Ontology.load(bundle.manifest.ontology))
    base = said.pop(next(iter(RUNTIMES)))
    found = {name: against_whole(bundle, space, products, base, answers) for name, answers in said.items()}
    return [
        f"Bundle {bundle.manifest.bundle}, space {SPACE}, photo and title, {len(asked):,} of the validation split",
        *(f"{name}: {1000 * spent / len(asked):.1f} ms CPU a product, alone" for name, spent in seconds.items()),
        *("", *table_lines(tables.changes(found))),
    ]


def _requests(bundle: Bundle, products: Sequence[LabelledProduct]) -> Iterator[tuple[int, Tensors]]:
    """By position, of products whose photo can be decoded."""
    with PhotoArchive() as archive:
        for row, product in enumerate(products):
            views = decode(archive.read(product.photo), bundle.manifest.side) if product.photo else None
            if views is None or isinstance(views, FetchReason):
                continue
            tokens = bundle.tokeniser.encode(read_text(event_of(product), bundle.manifest.languages).shown)
            yield (
                row,
                {
                    "images": views[None],
                    "image_mask": np.ones(1, np.uint8),
                    "input_ids": tokens.input_ids,
                    "attention_mask": tokens.attention_mask,
                },
            )


def _answers(
    bundle: Bundle, run: Runtime, asked: Mapping[int, Tensors], progress: Callable[[int, int], None]
) -> Answers:
    said = []
    for tensors in asked.values():
        said.append(run_ensemble(run, Ensemble.FUSED, tensors))
        progress(len(said), len(asked))
    shares = {
        task.handle: np.concatenate([probabilities(task, np.asarray(one[task.handle], np.float32)) for one in said])
        for task in bundle.manifest.tasks
    }
    heads: tuple[Head, ...] = tuple("fused" for _ in asked)
    return Answers(tuple(asked), heads, shares, undecodable=())
