# SPDX-License-Identifier: Apache-2.0
"""The static image host."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.images import ImageHost


def ask(host: ImageHost, path: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    """A raw request: unlike a URL library, it sends `..` as it stands."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(host.url).port or 0, timeout=5)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def test_a_file_comes_with_an_etag_and_a_second_request_with_it_costs_no_body(image_host: ImageHost) -> None:
    image_host.add("shirts/red.jpg", b"jpeg bytes")

    status, headers, body = ask(image_host, "/shirts/red.jpg")
    again, _, nothing = ask(image_host, "/shirts/red.jpg", {"If-None-Match": headers["Etag"]})

    assert (status, headers["Content-Type"], body) == (200, "image/jpeg", b"jpeg bytes")
    assert (again, nothing) == (304, b"")


def test_a_changed_file_has_another_etag(image_host: ImageHost) -> None:
    image_host.add("a.jpg", b"before")
    before = ask(image_host, "/a.jpg")[1]["Etag"]

    image_host.add("a.jpg", b"after it")

    assert ask(image_host, "/a.jpg", {"If-None-Match": before})[::2] == (200, b"after it")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/a/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "//../secret.txt",
        "/link.txt",
        "/folder/secret.txt",
    ],
)
def test_nothing_above_the_root_is_served(image_host: ImageHost, tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (image_host.root / "link.txt").symlink_to(tmp_path / "secret.txt")
    (image_host.root / "folder").symlink_to(tmp_path)
    image_host.add("a/b.txt", b"fine")

    status, _, body = ask(image_host, path)

    assert status in {400, 403, 404}
    assert b"secret" not in body


def test_a_missing_file_and_a_folder_are_not_found(image_host: ImageHost) -> None:
    image_host.add("folder/a.jpg", b"fine")

    assert ask(image_host, "/none.jpg")[0] == 404
    assert ask(image_host, "/folder")[0] in {403, 404}
    assert ask(image_host, "/folder/")[0] in {403, 404}
