# SPDX-License-Identifier: Apache-2.0
"""What is told of a fetch, and to whom: the vendor learns one word, the log no secret, the metrics no name."""

from __future__ import annotations

import re

import pytest
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from consumer.images.memory import BodyMemory
from tests.integration.images.hosts import (
    BODY,
    IMAGE,
    MIB,
    PRIVATE,
    PUBLIC,
    World,
    redirect,
    response,
    then_close,
    world,
)

SECRETS = ("secret", "word")
NAMES = {"shop.example": [PUBLIC], "inside.example": [PRIVATE], "slow.example": []}


async def try_everything(web: World) -> list[str]:
    """URLs of many fates, each with a secret in it."""
    inside = web.url("/b.jpg?signature=secret", PRIVATE)
    web.public.answers = {
        "/a.jpg?signature=secret": [response(BODY, IMAGE)],
        "/cut.jpg?signature=secret": [then_close(b"")],
        "/inside.jpg?signature=secret": [redirect(inside)],
        "/name.jpg?signature=secret": [redirect(web.url("/b.jpg?signature=secret", "inside.example"))],
        "/user.jpg?signature=secret": [redirect(f"http://user:word@{PUBLIC}:{web.public.port}/b.jpg?signature=secret")],
        "/odd.jpg?signature=secret": [redirect(f"//user:word@{PUBLIC}\\b.jpg?signature=secret#secret")],
        "/tired.jpg?signature=secret": [response(b"", "Retry-After: 99", status=429)],
    }
    return [
        *(web.url(path) for path in web.public.answers),
        inside,
        web.url("/b.jpg?signature=secret", "inside.example"),
        web.url("/b.jpg?signature=secret", "slow.example"),
        web.url("/b.jpg?signature=secret", "no.example"),
        "https://user:word@shop.example/b.jpg?signature=secret",
        "file:///secret",
        "http://a\\@b/secret",
    ]


@pytest.mark.image_rule(4)
async def test_neither_logs_nor_steps_hold_a_query_string_or_a_password() -> None:
    steps = ""
    with capture_logs() as logs:
        async with world(NAMES, connect_timeout_s=0.2, retries=1) as web:
            for url in await try_everything(web):
                with BodyMemory(MIB).share() as share:
                    result = await web.fetcher.fetch(url, "acme", share)
                steps += str([step.as_dict() for step in result.steps])

    assert {entry["event"] for entry in logs} == {"image_request_failed", "image_address_refused"}
    assert not any(secret in str(logs) + steps for secret in SECRETS)
    assert PRIVATE in str(logs)  # what was found is told to whoever runs this


async def test_the_metrics_name_no_host_no_address_no_vendor_and_no_path() -> None:
    async with world(NAMES, connect_timeout_s=0.2) as web:
        for url in await try_everything(web):
            await web.get(url, "acme")
        text = generate_latest(web.metrics.registry).decode()

        labels = {
            label for line in text.splitlines() for label in re.findall(r'([a-z_]+)="', line) if "_image_" in line
        }
        assert labels <= {"outcome", "reason", "phase", "connection", "le", "format", "path"}
        for word in (*SECRETS, "example", "acme", "jpg", "127.", str(web.public.port)):
            assert word not in re.sub(r"[0-9.e+-]+$", "", text, flags=re.MULTILINE)
        assert web.outcomes("blocked_address") == 4
        assert web.metrics.registry.get_sample_value("hangtag_image_blocked_total", {"reason": "blocked_address"}) == 4


async def test_a_failure_tells_the_vendor_its_own_url_and_one_word() -> None:
    async with world(NAMES, connect_timeout_s=0.2) as web:
        for url in await try_everything(web):
            with BodyMemory(MIB).share() as share:
                result = await web.fetcher.fetch(url, "acme", share)
            told = {name: value for name, value in result._asdict().items() if name not in {"url", "steps", "body"}}

            assert result.url == url
            assert all(value is None or re.fullmatch(r"[a-z0-9_]+", str(value)) for value in told.values())
