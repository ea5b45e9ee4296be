# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from structlog.testing import capture_logs
from yarl import URL

from consumer.events import FetchReason
from consumer.images.fetched import FetchFailed, warn_of_address
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


FAR = "http://10.0.0.1/" + "x" * 8_000


@pytest.mark.parametrize("place", [FAR, URL(FAR)])
def test_of_a_long_target_the_beginning_is_shown_and_marked_in_words_and_in_the_log(place: URL | str) -> None:
    step = Step(StepKind.REDIRECT, place, FetchReason.BLOCKED_ADDRESS)

    with capture_logs() as logs:
        warn_of_address(FetchFailed("http://a/", FetchReason.BLOCKED_ADDRESS, (step,)), "acme")

    expected = FAR[:200] + "…"
    assert step.target == step.as_dict()["target"] == expected
    assert [(entry["event"], entry["target"]) for entry in logs] == [("image_address_refused", expected)]


@pytest.mark.parametrize("place", [FAR[:200], URL(FAR[:200]), "http://user:word@" + FAR[7:200] + "?" + "x" * 8_000])
def test_a_target_of_two_hundred_characters_is_shown_whole(place: URL | str) -> None:
    assert Step(StepKind.REQUEST, place, 200).target == FAR[:200]


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
