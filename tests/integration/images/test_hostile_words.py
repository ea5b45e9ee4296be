# SPDX-License-Identifier: Apache-2.0
"""What a host writes into its headers, as `hangtag images check` prints it where standard output is strict."""

from __future__ import annotations

import asyncio
import json
import os
import sys

from tests.integration.images.hosts import PUBLIC, Host

LIMIT_S = 60


def answer(head: bytes) -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: 0\r\n\r\n" % head


ANSWERS = {
    "/type.jpg": answer(b"200 OK\r\nContent-Type: text/\xff\xfe"),
    "/control.jpg": answer(b"200 OK\r\nContent-Type: text/\xc2\x9b2J\xe2\x80\xae"),
    "/long.jpg": answer(b"200 OK\r\nContent-Type: text/" + b"x" * 8000),
    "/moved.jpg": answer(b"302 Found\r\nLocation: http://\xff\xfe/"),
    "/last.jpg": answer(b"404 \xff"),
}


async def check(host: Host, output: str, *paths: str) -> bytes:
    """Standard output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HANGTAG_")}
    environment |= {
        "PYTHONIOENCODING": "utf-8:strict",
        "HANGTAG_IMAGES__ALLOW_PRIVATE": f'["{PUBLIC}/32:{host.port}"]',
        "HANGTAG_IMAGES__RETRIES": "0",
    }
    urls = [f"http://{PUBLIC}:{host.port}{path}" for path in paths]
    command = [sys.executable, "-m", "consumer", "images", "check", "--output", output, *urls]
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        stdout, stderr = await asyncio.wait_for(process.communicate(), LIMIT_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert (process.returncode, stderr) == (1, b"")
    return stdout


async def test_bytes_of_a_host_that_are_no_text_are_shown_and_break_nothing_off() -> None:
    host = Host({path: [content] for path, content in ANSWERS.items()})
    server = await host.start(PUBLIC)
    try:
        text, found = (await check(host, "text", *ANSWERS)).decode(), json.loads(await check(host, "json", *ANSWERS))
    finally:
        server.close()

    assert [one["reason"] for one in found] == [*["content_type"] * 3, "invalid_url", "status_4xx"]
    assert [one["steps"][0]["cause"] for one in found[:3]] == [
        r"text/\udcff\udcfe",
        "text/\x9b2J\u202e",
        "text/" + "x" * 95,
    ]
    assert found[3]["steps"][1]["target"] == r"http://\udcff\udcfe/"
    assert r"(text/\udcff\udcfe)" in text
    assert r"(text/\u009b2J\u202e)" in text
    assert f"(text/{'x' * 95})" in text
    assert r"redirect http://\udcff\udcfe/: invalid_url" in text
    assert text.endswith("5 checked: 0 ok, 1 refused, 4 failed\n")


async def test_a_targets_kilobytes_are_cut_and_a_url_that_was_given_is_not() -> None:
    path = "/" + "y" * 2_000
    host = Host({path: [answer(b"302 Found\r\nLocation: http://a/" + b"x" * 8000)]})
    server = await host.start(PUBLIC)
    try:
        text = (await check(host, "text", path)).decode()
        (found,) = json.loads(await check(host, "json", path))
    finally:
        server.close()

    url = f"http://{PUBLIC}:{host.port}{path}"
    asked, led_to = url[:200] + "…", f"http://a/{'x' * 191}…"
    assert found["url"] == url
    assert [step["target"] for step in found["steps"]] == [asked, led_to]
    first, request, redirect, _ = text.splitlines()
    assert first == f"refused  {url}  invalid_url"
    assert request.startswith(f"         request  {asked} at {PUBLIC}: 302, ")
    assert redirect == f"         redirect {led_to}: invalid_url, 0.000 s"
