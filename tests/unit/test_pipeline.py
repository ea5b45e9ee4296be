# SPDX-License-Identifier: Apache-2.0
"""The route of a delivery. The stages here only leave their name; the real ones are in tests/integration."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from consumer.errors import DeadLetterReason, IncompatibleModels, Unprocessable
from consumer.events import DecodedProduct, Delivery, EventType, Finished, OutputRecord, ProductEvent, Rejected
from consumer.observability.metrics import Metrics
from consumer.pipeline import Pipeline, Stages

DELIVERY = Delivery("product-events", 0, 7, b"acme:1", b"...", (), -1)


@dataclass
class Route:
    """Stages that note their name; one may fail."""

    event_type: EventType = EventType.UPSERT
    failing: str = ""
    error: Exception = field(default_factory=lambda: Unprocessable(DeadLetterReason.POISON, "no", attempts=5))
    passed: list[str] = field(default_factory=list)

    def stages(self) -> Stages:
        event = ProductEvent("e-1", self.event_type, "acme", "1", 1, datetime.now(UTC))
        finished = Finished((OutputRecord("product-attributes", b"acme:1", b"x", ()),))
        answers: dict[str, Any] = {
            "decode": DecodedProduct(DELIVERY, event),
            "fetch": "fetched",
            "infer": "inferred",
            "enrich": type("Enriched", (), {"attributes": type("A", (), {"status": "ENRICHED"})}),
            "publish": finished,
        }
        return Stages(**{name: _Stage(self, name, answer) for name, answer in answers.items()})  # type: ignore[arg-type]


@dataclass
class _Stage:
    route: Route
    name: str
    answer: Any

    async def __call__(self, _value: Any) -> Any:
        self.route.passed.append(self.name)
        if self.route.failing == self.name:
            raise self.route.error
        return self.answer

    async def tombstones(self, value: Any) -> Any:
        return await self(value)


def run(route: Route) -> Finished | Rejected:
    return asyncio.run(Pipeline(route.stages(), Metrics())(DELIVERY))


def test_an_upsert_passes_the_five_stages_in_order() -> None:
    route = Route()

    outcome = run(route)

    assert isinstance(outcome, Finished)
    assert route.passed == ["decode", "fetch", "infer", "enrich", "publish"]


def test_a_delete_goes_from_decode_to_publish() -> None:
    route = Route(event_type=EventType.DELETE)

    run(route)

    assert route.passed == ["decode", "publish"]


@pytest.mark.parametrize("stage", ["decode", "infer", "publish"])
def test_an_unprocessable_event_is_rejected_with_the_stage_and_the_reason(stage: str) -> None:
    outcome = run(Route(failing=stage))

    assert isinstance(outcome, Rejected)
    assert (outcome.stage, outcome.reason, outcome.attempts) == (stage, DeadLetterReason.POISON, 5)
    assert outcome.event_id == (None if stage == "decode" else "e-1")
    assert outcome.first_at <= outcome.last_at
    assert outcome.error_class == "consumer.errors.Unprocessable"
    assert "raise self.route.error" in outcome.stacktrace


def test_a_fatal_error_leaves_the_pipeline() -> None:
    with pytest.raises(IncompatibleModels):
        run(Route(failing="infer", error=IncompatibleModels("another bundle")))
