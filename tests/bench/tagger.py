# SPDX-License-Identifier: Apache-2.0
"""Products a second that the served ensemble answers on this machine, and in which batches: `make bench-tagger`.

The real Triton with the bundle that ships, asked by the service's own client on the same cores. Pictures are decoded
and texts cut into pieces beforehand: it is the ensemble that is measured. Every second product has two pictures,
the others three. No two requests are alike.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import SecretStr
from tritonclient.grpc import InferenceServerClient

from consumer.bundle import load_bundle
from consumer.local.ports import PortBook
from consumer.local.starting import Starting
from consumer.local.triton import TritonPart
from consumer.settings import TritonSettings
from consumer.triton.client import TritonClient
from consumer.triton.tensors import Ensemble

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from consumer.bundle import Bundle
    from consumer.local.triton import TritonStatus

    Tensors = Mapping[str, NDArray[np.generic]]
    Histogram = Mapping[str, Counter[int]]

IMAGES = (2, 3)
#: Requests of a round, a quarter of which warms the server up.
_FEWEST = 4 * len(IMAGES)
STEPS = ("image_encoder", "text_encoder", "fusion_heads")
TITLE = "Acme men's navy blue cotton shirt with long sleeves, number {}"


@dataclass(frozen=True, slots=True)
class Round:
    """What one round measured."""

    products: int
    seconds: float
    client_cpu_s: float
    batches: Histogram
    """By step: how many batches of which size it executed."""

    @property
    def pace(self) -> float:
        """Products a second."""
        return self.products / self.seconds


def drawn_products(bundle: Bundle, products: int) -> Iterator[Tensors]:
    """One request each, with 2.5 pictures on average."""
    draw, side = np.random.default_rng(7), bundle.manifest.side
    for number in range(products):
        tokens = bundle.tokeniser.encode(TITLE.format(number))
        images = IMAGES[number % len(IMAGES)]
        yield {
            "images": draw.integers(0, 256, (images, 2, side, side, 3), np.uint8),
            "image_mask": np.ones(images, np.uint8),
            "input_ids": tokens.input_ids,
            "attention_mask": tokens.attention_mask,
        }


def executed(status: TritonStatus) -> dict[str, Counter[int]]:
    """Since the server started: how many batches of which size each step executed."""
    with InferenceServerClient(status.grpc) as server:
        headers = {"triton-grpc-protocol-read": status.read_key}
        found = {step: server.get_inference_statistics(step, headers=headers).model_stats for step in STEPS}
    return {
        step: Counter({entry.batch_size: entry.compute_infer.count for model in models for entry in model.batch_stats})
        for step, models in found.items()
    }


async def answer_all(status: TritonStatus, bundle: Bundle, requests: list[Tensors]) -> Round:
    """All requests at once; the client's own limit of images under way holds them back, as in the service."""
    settings = TritonSettings(grpc=status.grpc, read_key=SecretStr(status.read_key))
    before = executed(status)
    async with TritonClient(settings, bundle) as client:
        started, started_cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(client.infer(Ensemble.FUSED, request) for request in requests))
        seconds, cpu_s = time.perf_counter() - started, time.process_time() - started_cpu
    batches = {step: counts - before[step] for step, counts in executed(status).items()}
    return Round(len(requests), seconds, cpu_s, batches)


def line(measured: Round) -> str:
    """A round in words."""
    images = sum(size * count for size, count in measured.batches["image_encoder"].items())
    return (
        f"{measured.pace:.1f} products/s, {images / measured.seconds:.1f} images/s; client "
        f"{measured.client_cpu_s / measured.products * 1000:.1f} ms CPU a product, {measured.products} products"
    )


def histogram(rounds: list[Round]) -> Iterator[str]:
    """Of all rounds together: batches by size, and the share of the step's inputs that came in each."""
    for step in STEPS:
        counts = sum((measured.batches[step] for measured in rounds), Counter[int]())
        inputs = sum(size * count for size, count in counts.items())
        sizes = ", ".join(f"{count} of {size} ({size * count / inputs:.0%})" for size, count in sorted(counts.items()))
        yield f"{step}: {inputs / counts.total():.1f} a batch: {sizes}"


def main() -> None:
    """A round to warm up, then the measured ones."""
    options = _parser().parse_args()
    bundle = load_bundle(options.bundle)
    requests = list(drawn_products(bundle, options.products))
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        with Starting(TritonPart(state, bundle.folder, print), PortBook(state / "ports.json")) as starting:
            status = starting.wait()
            asyncio.run(answer_all(status, bundle, requests[: len(requests) // 4]))
            rounds = []
            for _ in range(options.rounds):
                rounds.append(asyncio.run(answer_all(status, bundle, requests)))
                print(line(rounds[-1]), flush=True)
    print(f"median {statistics.median(measured.pace for measured in rounds):.1f} products/s")
    print(*histogram(rounds), sep="\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m tests.bench.tagger",
        description=__doc__,
        epilog="example: python -m tests.bench.tagger --products 400 --rounds 5",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--bundle", type=Path, help="folder of a bundle; the one that ships unless told")
    add("--products", type=partial(_at_least, _FEWEST), default=300, help="requests of a round, 300 unless told")
    add("--rounds", type=partial(_at_least, 1), default=3, help="3 unless told")
    return parser


def _at_least(least: int, words: str) -> int:
    if not words.isdecimal() or int(words) < least:
        raise argparse.ArgumentTypeError(f"{words} is not a number from {least} on")
    return int(words)


if __name__ == "__main__":
    main()
