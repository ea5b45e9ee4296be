# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from consumer.images.steps import shown


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("https://user:word@example.org:8443/a.jpg?signature=word#word", "https://example.org:8443/a.jpg"),
        ("//user:word@example.org/a.jpg", "//example.org/a.jpg"),
        ("http:\\\\user:word@example.org", "http:\\\\example.org"),
        ("http:user:word@example.org", "http:example.org"),
        ("http://a@b@example.org/", "http://example.org/"),
        ("/photo@2x.jpg", "/photo@2x.jpg"),
        ("https://example.org/photo@2x.jpg", "https://example.org/photo@2x.jpg"),
        ("?signature=word", ""),
        ("", ""),
    ],
)
def test_of_a_redirects_target_nothing_secret_is_shown(location: str, expected: str) -> None:
    assert shown(location) == expected
