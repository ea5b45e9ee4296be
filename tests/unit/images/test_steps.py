# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from consumer.images.steps import Step, StepKind, shown


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
        ("http://\udcff\udcfe/", r"http://\udcff\udcfe/"),
        ("", ""),
    ],
)
def test_of_a_redirects_target_nothing_secret_is_shown(location: str, expected: str) -> None:
    assert shown(location) == expected


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (None, None),
        ("text/html", "text/html"),
        ("text/\udcff", r"text/\udcff"),
        ("x" * 101, "x" * 100),
        ("\udcff" * 101, r"\udcff" * 16 + r"\udc"),
    ],
)
def test_of_a_cause_the_beginning_is_shown_as_text(cause: str | None, expected: str | None) -> None:
    step = Step(StepKind.REQUEST, "", 200, cause=cause)

    assert step.why == step.as_dict()["cause"] == expected
