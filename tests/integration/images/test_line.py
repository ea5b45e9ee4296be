# SPDX-License-Identifier: Apache-2.0
"""What a connection may carry holds for each answer, not for all of them together."""

from __future__ import annotations

from consumer.images.line import _FRAMING, _HEAD_BYTES
from tests.integration.images.hosts import IMAGE, response, world

MAX_BODY_BYTES = 100_000


async def test_a_kept_connection_carries_more_than_one_answer_may_hold() -> None:
    body = bytes(MAX_BODY_BYTES)
    count = (_HEAD_BYTES + _FRAMING * MAX_BODY_BYTES) // MAX_BODY_BYTES + 2
    async with world(max_body_bytes=MAX_BODY_BYTES, retries=0) as web:
        web.public.answers["/a.jpg"] = [response(body, IMAGE)]

        assert [await web.get(web.url("/a.jpg")) for _ in range(count)] == [body] * count
        assert web.public.connections == 1
