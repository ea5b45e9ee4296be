# SPDX-License-Identifier: Apache-2.0
"""What one product costs us in CPU time, stage by stage, without the network and without the models.

Run by `make bench`. Figures to compare with earlier ones on the same machine; nothing is asserted.
"""

from __future__ import annotations

import io
import platform
import statistics
import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from consumer.bundle import load_bundle, read_text
from consumer.enrichment.boilerplate import Boilerplate
from consumer.enrichment.lexicon import Lexicon
from consumer.enrichment.ontology import Ontology
from consumer.events import (
    DecodedProduct,
    Delivery,
    EventType,
    FetchedProduct,
    InferredProduct,
    Opinion,
    Prediction,
    ProductEvent,
    UsableImage,
)
from consumer.images.decoding import decode
from consumer.observability.metrics import Metrics
from consumer.registry.bundled import BundledCodec
from consumer.registry.files import Subject
from consumer.registry.records import record_fields
from consumer.settings import TopicSettings
from consumer.stages.decode import Decode
from consumer.stages.enrich import Enrich
from consumer.stages.publish import Publish, Publisher

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from consumer.bundle import Bundle, Task

RUNS = 200
WARM_UP = 20

EVENT = ProductEvent(
    event_id="e-1",
    event_type=EventType.UPSERT,
    vendor_id="acme",
    sku="1",
    product_version=1,
    occurred_at=datetime(2026, 11, 1, tzinfo=UTC),
    title="Navy blue cotton shirt with long sleeves, men",
    description="A shirt for every day. " * 15,
    brand="Acme",
    vendor_attributes={"color": "Navy", "gender": "men"},
    image_urls=("https://example.org/1.jpg", "https://example.org/2.jpg", "https://example.org/3.jpg"),
)


def photo(width: int, height: int) -> bytes:
    """A JPEG with about as much detail as a product photo has."""
    noise = np.random.default_rng(7).integers(0, 255, (height // 18 + 1, width // 18 + 1, 3), np.uint8)
    picture = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
    encoded = io.BytesIO()
    picture.save(encoded, "JPEG", quality=80)
    return encoded.getvalue()


SENTENCES = (
    "A shirt for every day, of soft cotton &amp; linen.",
    "The collar keeps its shape, <b>wash after wash</b>.",
    "Two pockets for what you carry.",
)
TEXTS = {
    "plain title": replace(EVENT, description=None, vendor_attributes={}, language=None),
    "HTML description of 2 kB": replace(EVENT, description="".join(f"<p>{line}</p>\n" for line in SENTENCES * 13)),
    "Cyrillic description of 2,000 letters": replace(EVENT, description="Рубашка на каждый день из хлопка. " * 59),
    "title of 5 MB": replace(EVENT, title="Navy shirt " * 450_000),
    "title of 5 MB of broken letters": replace(EVENT, title="sch\u00c3\u00b6n " * 700_000),
    "eight fields of 1 MB of markup": replace(
        EVENT,
        title="<b>&amp;" * 125_000,
        description="<!--<a " * 140_000,
        vendor_attributes={"\u200b" * 1_000_000 + str(number): "&lt;b&gt;" * 110_000 for number in range(3)},
    ),
}


def read(event: ProductEvent, boilerplate: Boilerplate) -> str | None:
    """Clean, compose, tell the language."""
    return read_text(event, ("en",), boilerplate).product.language


def certain(task: Task) -> tuple[float, ...]:
    """One label with nearly all of the mass."""
    return (0.9, *[0.1 / (len(task.labels) - 1)] * (len(task.labels) - 1))


def described(inferred: InferredProduct, event: ProductEvent) -> InferredProduct:
    """The same images and opinions beside another text."""
    decoded = replace(inferred.fetched.decoded, event=event)
    text = read_text(event, ("en",)).product
    return replace(inferred, fetched=replace(inferred.fetched, decoded=decoded), text=text)


def predicted(bundle: Bundle, decoded: DecodedProduct) -> InferredProduct:
    """A product with three images, as it leaves the models."""
    views = np.zeros((2, 1, 1, 3), np.uint8)
    images = tuple(UsableImage(url, "0" * 64, views) for url in EVENT.image_urls)
    opinions = {task.handle: Opinion(*[certain(task)] * 3) for task in bundle.manifest.tasks}
    embedding = (1.0, *[0.0] * (bundle.manifest.embedding_dim - 1))
    prediction = Prediction(opinions, embedding, (0.5, 0.3, 0.2), (), {"product_tagger": "1"})
    return InferredProduct(FetchedProduct(decoded, images), prediction, read_text(decoded.event, ("en",)).product)


def cases(run: Callable[[Coroutine[Any, Any, Any]], Any]) -> dict[str, Callable[[], object]]:
    """What is timed."""
    bundle, codec = load_bundle(), BundledCodec()
    delivery = Delivery(
        "t", 0, 0, EVENT.key.encode(), codec.encode(Subject.PRODUCT_EVENTS, record_fields(EVENT)), (), 0
    )
    decode_stage = Decode(codec, Metrics())
    manifest, side = bundle.manifest, bundle.manifest.side
    ontology, lexicon = Ontology.load(manifest.ontology), Lexicon.load(manifest.lexicon)
    enrich = Enrich(ontology, lexicon, manifest, bundle.thresholds, precision="f32")
    publish = Publish(codec, TopicSettings(), Publisher("bench", 1, bundle.thresholds.version))
    inferred = predicted(bundle, run(decode_stage(delivery)))
    enriched = run(enrich(inferred))
    boilerplate = Boilerplate()
    texts = {f"infer: read a {name}": partial(read, event, boilerplate) for name, event in TEXTS.items()}
    small, large = photo(60, 80), photo(1000, 1333)
    return {
        "decode: Avro event": lambda: run(decode_stage(delivery)),
        f"fetch: views of a 60x80 JPEG, {len(small) / 1000:.0f} kB": lambda: decode(small, side),
        f"fetch: views of a 1000x1333 JPEG, {len(large) / 1000:.0f} kB": lambda: decode(large, side),
        **texts,
        "infer: text to token ids": lambda: bundle.tokeniser.encode(read_text(EVENT, ("en",)).shown),
        "enrich: three images": lambda: run(enrich(inferred)),
        **{
            f"enrich: the same with a {name}": partial(lambda product: run(enrich(product)), described(inferred, event))
            for name, event in TEXTS.items()
        },
        "publish: both records": lambda: run(publish(enriched)),
    }


def result_of(stage: Coroutine[Any, Any, Any]) -> object:
    """What a stage answers that waits for nothing. An event loop would cost more than the stage."""
    try:
        stage.send(None)
    except StopIteration as finished:
        return finished.value
    raise AssertionError("the stage waits")


def cpu_ms(run: Callable[[], object]) -> list[float]:
    """CPU time of each run, in milliseconds."""
    for _ in range(WARM_UP):
        run()
    spent = []
    for _ in range(RUNS):
        started = time.process_time()
        run()
        spent.append((time.process_time() - started) * 1000)
    return spent


def main() -> None:
    """Print the table."""
    table = Table(title=f"CPU per product, n = {RUNS}, {platform.machine()}, Python {platform.python_version()}")
    table.add_column("what")
    for heading in ("median ms", "min", "p90"):
        table.add_column(heading, justify="right")
    for name, case in cases(result_of).items():
        spent = sorted(cpu_ms(case))
        figures = (statistics.median(spent), spent[0], spent[RUNS * 9 // 10])
        table.add_row(name, *(f"{figure:.3f}" for figure in figures))
    Console().print(table)


if __name__ == "__main__":
    main()
