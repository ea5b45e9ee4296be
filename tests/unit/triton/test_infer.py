# SPDX-License-Identifier: Apache-2.0
"""The stage against a stub of the server: which ensemble it asks, and whom it blames for a failure."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest

from consumer.attributes import ImageStatus
from consumer.enrichment.boilerplate import MIN_PRODUCTS
from consumer.errors import DeadLetterReason, IncompatibleModels, Unprocessable
from consumer.events import (
    DecodedProduct,
    Delivery,
    EventType,
    FetchedProduct,
    FetchReason,
    InferredProduct,
    LostImage,
    ProductEvent,
    ProductImage,
    UsableImage,
)
from consumer.observability.metrics import Metrics
from consumer.retry import Backoff, Breaker
from consumer.settings import TritonSettings
from consumer.stages.infer import Infer, Patience
from consumer.triton.client import TritonClient
from consumer.triton.contract import Contract
from consumer.triton.tensors import Ensemble
from tests.support.triton_stub import TritonStub, triton_stub
from tests.support.wait import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.unit.triton.conftest import Served

Code = grpc.StatusCode

DOWN = (Code.UNAVAILABLE, "Socket closed")
DEAD_STUB = (Code.INTERNAL, "Stub process 'fusion_heads_0_0' is not healthy.")
RAISED = (Code.INTERNAL, "Failed to process the request(s) for model 'fusion_heads_0_0', message: KeyError")
MALFORMED = (Code.INVALID_ARGUMENT, "unexpected shape for input 'input_ids'")
LOST = LostImage("http://127.0.0.1/x.jpg", ImageStatus.FETCH_FAILED, FetchReason.STATUS_4XX)
CANARY = [Ensemble.FUSED] * 2 + [Ensemble.IMAGE] * 2 + [Ensemble.TEXT]


def image(level: int) -> UsableImage:
    views = np.full((2, 32, 32, 3), level, dtype=np.uint8)
    return UsableImage(f"http://127.0.0.1/{level}.jpg", f"{level:064x}", views)


def product(title: str, *images: ProductImage, **fields: Any) -> FetchedProduct:
    event = ProductEvent(
        "e1", EventType.UPSERT, "acme", "1", 1, datetime(2026, 1, 1, tzinfo=UTC), title=title, **fields
    )
    delivery = Delivery("product-events", 0, 0, b"acme:1", b"", (), 0)
    return FetchedProduct(DecodedProduct(delivery, event), images)


TEXT_ONLY = product("red shirt")


def patience(**changes: Any) -> Patience:
    at_once = Backoff(uniform=lambda _low, _high: 0.0)
    return replace(Patience(3, 60, at_once, Breaker(first_s=0.01, cap_s=0.02)), **changes)


def with_stage(
    served: Served, test: Callable[[Infer, TritonStub], Awaitable[None]], allowed: Patience | None = None
) -> None:
    async def run() -> None:
        async with (
            triton_stub(served.folder, served.repository) as stub,
            TritonClient(TritonSettings(grpc=stub.address), served.bundle) as client,
        ):
            contract = Contract(client, served.bundle)
            await contract.verify()
            stub.asked.clear()
            await test(Infer(client, contract, served.bundle, allowed or patience(), Metrics()), stub)

    asyncio.run(run())


def infer_one(served: Served, fetched: FetchedProduct) -> tuple[InferredProduct, list[str]]:
    answers: list[InferredProduct] = []
    asked: list[str] = []

    async def test(infer: Infer, stub: TritonStub) -> None:
        answers.append(await infer(fetched))
        asked.extend(stub.asked)

    with_stage(served, test)
    return answers[0], asked


@pytest.mark.parametrize(
    ("fetched", "ensemble"),
    [
        (product("red shirt", image(1)), Ensemble.FUSED),
        (product("", image(1), LOST), Ensemble.IMAGE),
        (product("red shirt", LOST), Ensemble.TEXT),
    ],
)
def test_what_the_product_has_decides_which_ensemble_is_asked(
    served: Served, fetched: FetchedProduct, ensemble: Ensemble
) -> None:
    inferred, asked = infer_one(served, fetched)

    assert asked == [ensemble]
    assert inferred.fetched is fetched
    assert inferred.prediction is not None
    assert inferred.prediction.opinions.keys() == {"category", "target-gender", "color"}
    assert inferred.prediction.model_versions == {ensemble: "1"}


@pytest.mark.parametrize("word", ["shirt", "gömlek"])
def test_a_text_that_the_model_does_not_read_to_its_end_is_flagged(served: Served, word: str) -> None:
    short, _ = infer_one(served, product("red shirt"))
    long, _ = infer_one(served, product(f"red {word} " * served.bundle.manifest.text_length))

    assert short.text.flags == ()
    assert long.text.flags == ("truncated",)


def test_the_language_is_the_vendor_s_else_that_of_title_and_description(served: Served) -> None:
    french = "Robe d'été à fleurs pour femme"

    languages = [
        infer_one(served, fetched)[0].text.language
        for fetched in (
            product(french),
            product("Zoé", description=french),
            product(french, language="fr_ca"),
            product("XL", image(1)),
            product("", LOST, brand="Acme", language="de"),
        )
    ]

    assert languages == ["fr", "fr", "fr-CA", None, "de"]


def test_without_text_and_image_nobody_is_asked(served: Served) -> None:
    inferred, asked = infer_one(served, product("", LOST))

    assert inferred.prediction is None
    assert asked == []


def test_the_model_sees_the_first_usable_images_and_no_more_than_it_takes(served: Served) -> None:
    images: list[ProductImage] = [LOST, *(image(40 * level) for level in range(6))]
    six, _ = infer_one(served, product("", *images))
    first_five, _ = infer_one(served, product("", *images[1:6]))

    assert six.prediction is not None
    assert len(six.prediction.contributions) == served.bundle.manifest.max_images == 5
    assert six.prediction == first_five.prediction


@pytest.mark.parametrize("fault", [DOWN, DEAD_STUB])
def test_an_outage_is_waited_out_however_many_attempts_it_takes(served: Served, fault: tuple[Any, str]) -> None:
    async def test(infer: Infer, stub: TritonStub) -> None:
        stub.faults.extend([fault] * 20)
        inferred = await infer(TEXT_ONLY)
        assert inferred.prediction is not None
        assert len(stub.asked) == 21

    with_stage(served, test)


def test_an_outage_opens_the_breaker_for_all_events(served: Served) -> None:
    allowed = patience(breaker=Breaker(failures=2, first_s=0.5))

    async def test(infer: Infer, stub: TritonStub) -> None:
        stub.faults.extend([DOWN] * 2)
        first = asyncio.create_task(infer(TEXT_ONLY))
        await until(lambda: allowed.breaker.is_open)  # the second request may be asked and not yet answered
        others = [asyncio.create_task(infer(TEXT_ONLY)) for _ in range(5)]
        stub.gate.clear()
        await stub.has_asked(3)
        # One trial goes through, the others wait for its answer.
        assert allowed.breaker.is_open
        assert len(stub.asked) == 3
        stub.gate.set()
        await asyncio.gather(first, *others)
        assert not allowed.breaker.is_open

    with_stage(served, test, allowed)


def test_an_event_that_fails_while_the_canary_is_green_becomes_poison(served: Served) -> None:
    async def test(infer: Infer, stub: TritonStub) -> None:
        for _ in range(3):
            stub.faults.extend([RAISED, *[None] * len(CANARY)])
        with pytest.raises(Unprocessable, match="KeyError") as caught:
            await infer(TEXT_ONLY)
        assert caught.value.reason is DeadLetterReason.POISON
        assert caught.value.attempts == 3
        assert stub.asked == [Ensemble.TEXT, *CANARY] * 3

    with_stage(served, test)


def test_failures_under_a_red_canary_do_not_count(served: Served) -> None:
    async def test(infer: Infer, stub: TritonStub) -> None:
        stub.faults.extend([RAISED, DEAD_STUB] * 10)
        inferred = await infer(TEXT_ONLY)
        assert inferred.prediction is not None

    with_stage(served, test)


def test_an_event_that_fails_past_its_deadline_becomes_poison_before_its_attempts_are_used(served: Served) -> None:
    ticks = iter(range(0, 10_000, 100))
    allowed = patience(poison_attempts=50, event_deadline_s=250, clock=lambda: float(next(ticks)))

    async def test(infer: Infer, stub: TritonStub) -> None:
        for _ in range(50):
            stub.faults.extend([RAISED, *[None] * len(CANARY)])
        with pytest.raises(Unprocessable) as caught:
            await infer(TEXT_ONLY)
        assert caught.value.reason is DeadLetterReason.POISON
        assert caught.value.attempts == 3  # 100 s each by this clock

    with_stage(served, test, allowed)


def test_a_refused_request_is_poison_while_the_contract_holds(served: Served) -> None:
    async def test(infer: Infer, stub: TritonStub) -> None:
        stub.faults.append(MALFORMED)
        with pytest.raises(Unprocessable, match="unexpected shape") as caught:
            await infer(TEXT_ONLY)
        assert caught.value.reason is DeadLetterReason.POISON
        assert stub.asked == [Ensemble.TEXT]

    with_stage(served, test)


def test_a_refused_request_stops_the_process_when_the_contract_changed(served: Served) -> None:
    async def test(infer: Infer, stub: TritonStub) -> None:
        stub.configs["product_tagger_text"].parameters["bundle"].string_value = "2"
        stub.faults.append(MALFORMED)
        with pytest.raises(IncompatibleModels, match="bundle is '2'"):
            await infer(TEXT_ONLY)

    with_stage(served, test)


def test_an_answer_that_is_not_finite_is_not_asked_for_again(served: Served) -> None:
    def spoil(response: Any) -> None:
        response.raw_output_contents[0] = np.full(
            len(response.raw_output_contents[0]) // 4, np.nan, np.float32
        ).tobytes()

    async def test(infer: Infer, stub: TritonStub) -> None:
        stub.spoil = spoil
        with pytest.raises(Unprocessable) as caught:
            await infer(TEXT_ONLY)
        assert caught.value.reason is DeadLetterReason.MODEL_OUTPUT_NOT_FINITE
        assert stub.asked == [Ensemble.TEXT]

    with_stage(served, test)


def test_calls_are_counted_by_ensemble_and_outcome(served: Served) -> None:
    metrics = Metrics()

    async def run() -> None:
        async with (
            triton_stub(served.folder, served.repository) as stub,
            TritonClient(TritonSettings(grpc=stub.address), served.bundle) as client,
        ):
            infer = Infer(client, Contract(client, served.bundle), served.bundle, patience(), metrics)
            stub.faults.append(DOWN)
            await infer(product("", image(1), image(2)))

    asyncio.run(run())

    def calls(outcome: str) -> float | None:
        labels = {"ensemble": "product_tagger_image", "outcome": outcome}
        return metrics.registry.get_sample_value("hangtag_triton_calls_total", labels)

    assert (calls("TritonUnavailable"), calls("ok")) == (1, 1)
    assert metrics.registry.get_sample_value("hangtag_triton_images_total") == 2
    assert metrics.registry.get_sample_value("hangtag_retries_total", {"dependency": "triton"}) == 1


def test_each_repair_of_a_text_is_flagged_and_counted_and_boilerplate_is_told_by_the_other_products(
    served: Served,
) -> None:
    metrics = Metrics()
    description = "<p>Soft.</p><p>Free shipping on all orders over fifty dollars!</p>"
    answers: list[InferredProduct] = []

    async def run() -> None:
        async with (
            triton_stub(served.folder, served.repository) as stub,
            TritonClient(TritonSettings(grpc=stub.address), served.bundle) as client,
        ):
            infer = Infer(client, Contract(client, served.bundle), served.bundle, patience(), metrics)
            for group in range(MIN_PRODUCTS + 1):
                fetched = product("shirt", description=description, item_group_id=str(group))
                answers.extend([await infer(fetched), await infer(fetched)])

    asyncio.run(run())

    def repaired(repair: str) -> float | None:
        return metrics.registry.get_sample_value("hangtag_text_repairs_total", {"repair": repair})

    assert [answer.text.flags for answer in answers[:-2]] == [("html", "truncated")] * 2 * MIN_PRODUCTS
    assert [answer.text.flags for answer in answers[-2:]] == [("html", "boilerplate", "truncated")] * 2
    assert (repaired("html"), repaired("boilerplate"), repaired("control")) == (len(answers), 2, None)


def test_a_cancelled_trial_leaves_the_breaker_to_the_next_event(served: Served) -> None:
    allowed = patience(breaker=Breaker(failures=1, first_s=0.01))

    async def test(infer: Infer, stub: TritonStub) -> None:
        stub.faults.append(DOWN)
        trial = asyncio.create_task(infer(TEXT_ONLY))
        await stub.has_asked(1)
        stub.gate.clear()
        await stub.has_asked(2)
        trial.cancel()
        await asyncio.wait({trial})
        stub.gate.set()
        async with asyncio.timeout(5):
            inferred = await infer(TEXT_ONLY)
        assert inferred.prediction is not None

    with_stage(served, test, allowed)
