# SPDX-License-Identifier: Apache-2.0
"""Which hosts a vendor's URLs may name, and whose picture is whose."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.integration.images.hosts import BODY, IMAGE, PUBLIC, redirect, response, world

pytestmark = pytest.mark.image_rule(16)
NAMES = {"shop.example": [PUBLIC], "cdn.shop.example": [PUBLIC], "evil.example": [PUBLIC]}
LISTS: list[dict[str, Any]] = [
    {"allowed_hosts": {"acme": ("shop.example", "*.shop.example")}},
    {"denied_hosts": {"acme": ("evil.example",)}},
]


@pytest.mark.parametrize("lists", LISTS, ids=["allowed", "denied"])
async def test_a_list_holds_for_the_first_url_and_for_every_hop(lists: dict[str, Any]) -> None:
    async with world(NAMES, **lists) as web:
        web.public.answers = {
            "/a.jpg": [response(BODY, IMAGE)],
            "/near.jpg": [redirect(web.url("/a.jpg", "cdn.shop.example"))],
            "/far.jpg": [redirect(web.url("/a.jpg", "evil.example"))],
            "/farther.jpg": [redirect(web.url("/far.jpg", "cdn.shop.example"))],
        }

        assert await web.get(web.url("/a.jpg", "EVIL.example.")) == "host_not_allowed"
        assert web.public.requests == []
        assert await web.get(web.url("/near.jpg", "shop.example")) == BODY
        assert await web.get(web.url("/far.jpg", "shop.example")) == "host_not_allowed"
        assert await web.get(web.url("/farther.jpg", "shop.example")) == "host_not_allowed"
        hosts = {headers["host"].partition(":")[0] for _, headers in web.public.requests}
        assert hosts == {"shop.example", "cdn.shop.example"}


@pytest.mark.parametrize("lists", LISTS, ids=["allowed", "denied"])
async def test_of_two_vendors_with_one_url_only_one_may_have_it(lists: dict[str, Any]) -> None:
    async with world(NAMES, **lists) as web:
        web.public.answers["/a.jpg"] = [response(BODY, IMAGE)]
        url = web.url("/a.jpg", "evil.example")

        assert await web.get(url, "globex") == BODY
        assert await web.get(url, "acme") == "host_not_allowed"
        both = await asyncio.gather(web.get(url, "globex"), web.get(url, "acme"))
        assert list(both) == [BODY, "host_not_allowed"]
