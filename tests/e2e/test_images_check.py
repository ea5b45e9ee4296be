# SPDX-License-Identifier: Apache-2.0
"""`hangtag images check` as it is installed, on a host on loopback."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from consumer.catalogue.photo import draw
from consumer.catalogue.products import make_products
from tests.support.loopback import guarded_path
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from tests.support.images import ImageHost

HANGTAG = Path(sys.executable).with_name("hangtag")
PAGE = Path(__file__).parents[2] / "docs" / "hostile-urls.md"
LIMIT_S = 60


def check(*arguments: object, stdin: bytes = b"", **settings: str) -> subprocess.CompletedProcess[bytes]:
    """The end of the command, with no settings but these. It dials loopback only."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HANGTAG_")}
    environment["PYTHONPATH"] = guarded_path()
    environment |= {f"HANGTAG_IMAGES__{name.upper()}": value for name, value in settings.items()}
    return subprocess.run(
        [HANGTAG, "images", "check", *map(str, arguments)],
        env=environment,
        input=stdin,
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )


@pytest.fixture
def photo(image_host: ImageHost) -> str:
    return image_host.add("photo.jpg", draw(make_products(1, seed=1)[0].photos[0]))


def test_a_photo_that_can_be_used_exits_with_0(photo: str, image_host: ImageHost) -> None:
    text = check(photo, allow_private=f'["{image_host.allow_private}"]')
    programs = check(
        "--file", "-", "--output", "json", stdin=photo.encode(), allow_private=f'["{image_host.allow_private}"]'
    )

    assert (text.returncode, programs.returncode) == (0, 0), text.stderr + programs.stderr
    first, *steps, last = text.stdout.decode().splitlines()
    assert first == f"ok       {photo}"
    assert [line.split()[0] for line in steps] == ["request", "decode"]
    assert last == "1 checked: 1 ok, 0 refused, 0 failed"
    (found,) = json.loads(programs.stdout)
    assert {"url": photo, "verdict": "ok", "reason": None}.items() <= found.items()
    assert [(step["kind"], step["outcome"]) for step in found["steps"]] == [
        ("request", "200"),
        ("decode", "JPEG 240x320"),
    ]
    assert text.stderr == programs.stderr == b""


def test_without_an_exception_a_private_host_is_refused(photo: str) -> None:
    answer = check(photo, "--output", "json")

    assert answer.returncode == 1
    assert [(one["verdict"], one["reason"]) for one in json.loads(answer.stdout)] == [("refused", "blocked_address")]


def test_what_a_host_has_not_or_no_picture_failed(photo: str, image_host: ImageHost) -> None:
    page = image_host.add("page.jpg", b"<!doctype html>")
    urls = (photo, f"{image_host.url}/missing.jpg", page)

    answer = check(*urls, "--output", "json", allow_private=f'["{image_host.allow_private}"]')

    assert answer.returncode == 1
    assert [(one["url"], one["verdict"], one["reason"]) for one in json.loads(answer.stdout)] == [
        (urls[0], "ok", None),
        (urls[1], "failed", "status_4xx"),
        (urls[2], "failed", "unsupported_format"),
    ]


def test_forty_hostile_urls_are_refused_each_for_its_reason(tmp_path: Path) -> None:
    block = PAGE.read_text(encoding="utf-8").split("```\n")[1]
    command, *lines = block.removeprefix("$ ").splitlines()
    expected = [tuple(line.split("  ")) for line in lines]
    (tmp_path / "urls.txt").write_text("\n".join(url for _, url, _ in expected), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HANGTAG_")}
    environment |= {"PATH": f"{HANGTAG.parent}:{environment['PATH']}", "PYTHONPATH": guarded_path()}

    text = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, timeout=LIMIT_S, check=True
    )
    programs = check("--file", tmp_path / "urls.txt", "--output", "json")

    assert len(expected) == 40
    assert (text.stdout.decode().splitlines(), text.stderr) == (lines, b"")
    assert programs.returncode == 1
    assert [(one["verdict"], one["url"], one["reason"]) for one in json.loads(programs.stdout)] == expected


def test_hostile_bytes_are_shown_harmlessly() -> None:
    lines = b"\xff\xfe\n\x1b]0;title\x07http://a b/\n\x00\nhttp://example.org/" + b"x" * 10_000_000

    text = check("--file", "-", stdin=lines)
    programs = check("--file", "-", "--output", "json", stdin=lines)

    assert (text.returncode, programs.returncode) == (1, 1)
    assert text.stdout.decode().endswith("4 checked: 0 ok, 4 refused, 0 failed\n")
    assert not set(b"\x00\x07\x1b\xff") & set(text.stdout + programs.stdout)
    assert [one["reason"] for one in json.loads(programs.stdout)] == ["invalid_url"] * 4
    assert b"Traceback" not in text.stderr + programs.stderr


def test_a_reader_that_has_enough_is_no_error() -> None:
    urls = "\n".join(["ftp://example.org/"] * 5_000).encode()
    command = f"{HANGTAG} images check --file - | head -1; echo ${{PIPESTATUS[0]}}"

    answer = subprocess.run(["bash", "-c", command], input=urls, capture_output=True, timeout=LIMIT_S, check=False)

    assert answer.stdout == b"refused  ftp://example.org/  scheme\n0\n"
    assert answer.stderr == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_written_before_an_interruption_is_json(number: signal.Signals, tmp_path: Path) -> None:
    written, said = tmp_path / "written.json", tmp_path / "said.txt"
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,  # it takes a connection, and says nothing
        written.open("wb") as stdout,
        said.open("wb") as stderr,
    ):
        port = silent.getsockname()[1]
        environment = {**os.environ, "HANGTAG_IMAGES__ALLOW_PRIVATE": f'["127.0.0.1/32:{port}"]'}
        command = [str(HANGTAG), "images", "check", "--output", "json", "ftp://a/", f"http://127.0.0.1:{port}/a.jpg"]
        with subprocess.Popen(command, env=environment, stdout=stdout, stderr=stderr) as process:
            wait_until(lambda: b"}" in written.read_bytes(), LIMIT_S, "the first URL's verdict")
            process.send_signal(number)
            process.wait(LIMIT_S)

    assert process.returncode == 130
    assert [one["url"] for one in json.loads(written.read_text())] == ["ftp://a/"]
    assert said.read_text().strip() == "interrupted: 1 of 2 checked"


@pytest.mark.parametrize(
    ("arguments", "egress"),
    [((), "direct"), (("--file", "nowhere.txt"), "direct"), (("ftp://example.org/",), "proxy")],
)
def test_wrong_use_and_wrong_settings_exit_with_2(arguments: tuple[str, ...], egress: str) -> None:
    answer = check(*arguments, egress=egress)

    assert (answer.returncode, answer.stdout) == (2, b"")
    assert b"Traceback" not in answer.stderr
