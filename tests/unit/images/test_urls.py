# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from consumer.events import FetchReason
from consumer.images.urls import MAX_URL_CHARACTERS, UrlPolicy, host_key
from consumer.settings import ImageSettings

POLICY = UrlPolicy.of(ImageSettings(allow_private=("127.0.0.2/32:8123",)))
ANY = POLICY.hosts_of("")


@pytest.mark.parametrize(
    "text",
    [
        "https://shop.example/a.jpg",
        "HTTP://SHOP.EXAMPLE:80/a.jpg",
        "https://shop.example./a.jpg?sig=1%2F2#part",
        "https://shop.example/a blank.jpg",
        "https://bücher.example/ä.jpg",
        "https://under_score.shop.example:443/",
        "http://8.8.8.8/a.jpg",
        "http://[2606:4700::1]/a.jpg",
        "http://127.0.0.2:8123/a.jpg",
        "http://shop.example:8123/judged-when-dialled",
        "http://0x7f.1.example/",
        "http://4.example./",
        "https://shop.example/" + "a" * (MAX_URL_CHARACTERS - 21),
    ],
)
def test_a_proper_url_is_accepted(text: str) -> None:
    assert isinstance(POLICY.vet(text, ANY), URL)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", FetchReason.INVALID_URL),
        ("http://a\\@b/", FetchReason.INVALID_URL),
        ("http://shop.example/a\\b.jpg", FetchReason.INVALID_URL),
        ("http://a\x00b/", FetchReason.INVALID_URL),
        ("http://a b/", FetchReason.INVALID_URL),
        ("http://h\n/x", FetchReason.INVALID_URL),
        ("http://h\t/x", FetchReason.INVALID_URL),
        ("http://h/\x85", FetchReason.INVALID_URL),
        ("http://a%00b/", FetchReason.INVALID_URL),
        ("http://127.0.0.1%2f.example/", FetchReason.INVALID_URL),
        ("http:///x", FetchReason.INVALID_URL),
        ("http://", FetchReason.INVALID_URL),
        ("http://[fe80::1%25eth0]/", FetchReason.INVALID_URL),
        ("http://[::1%eth0]/", FetchReason.INVALID_URL),
        ("http://a..b/", FetchReason.INVALID_URL),
        ("http://xn--/", FetchReason.INVALID_URL),
        ("http://" + "a" * 64 + ".example/", FetchReason.INVALID_URL),
        ("http://" + "a." * 127 + "aa/", FetchReason.INVALID_URL),
        *(
            (f"http://{host}/", FetchReason.INVALID_URL)
            for host in ("0x7f.1", "0177.0.0.1", "127.1", "2130706433", "0")
        ),
        *(
            (f"http://{host}/", FetchReason.INVALID_URL)
            for host in ("127.0.0.1.", "8.8.8.8.", "a.0x", "a.256", "1.2.3.4.5")
        ),
        ("http://h:65536/", FetchReason.INVALID_URL),
        ("http://h:80:80/", FetchReason.INVALID_URL),
        ("https://shop.example/" + "a" * (MAX_URL_CHARACTERS - 20), FetchReason.INVALID_URL),
        ("http://h/\udc80", FetchReason.INVALID_URL),
        ("shop.example/a.jpg", FetchReason.SCHEME),
        ("//shop.example/a.jpg", FetchReason.SCHEME),
        ("file:///etc/passwd", FetchReason.SCHEME),
        ("FILE:///etc/passwd", FetchReason.SCHEME),
        ("ftp://shop.example/a.jpg", FetchReason.SCHEME),
        ("gopher://shop.example/", FetchReason.SCHEME),
        ("data:image/png;base64,aGk=", FetchReason.SCHEME),
        ("s3://bucket/a.jpg", FetchReason.SCHEME),
        ("http://user@shop.example/", FetchReason.USERINFO),
        ("http://user:secret@shop.example/", FetchReason.USERINFO),
        ("http://:secret@shop.example/", FetchReason.USERINFO),
        ("http://8.8.8.8@127.0.0.1/", FetchReason.USERINFO),
        ("http://shop.example:22/", FetchReason.PORT),
        ("http://shop.example:0/", FetchReason.PORT),
        ("https://8.8.8.8:8443/", FetchReason.PORT),
        ("https://8.8.8.8:8123/", FetchReason.PORT),
        ("http://127.0.0.1/", FetchReason.BLOCKED_ADDRESS),
        ("http://127.0.0.1:22/", FetchReason.BLOCKED_ADDRESS),
        ("http://127.0.0.3:8123/", FetchReason.BLOCKED_ADDRESS),
        ("http://127.0.0.2/", FetchReason.BLOCKED_ADDRESS),
        ("http://[::1]/", FetchReason.BLOCKED_ADDRESS),
        ("http://[::ffff:127.0.0.2]:8123/", FetchReason.BLOCKED_ADDRESS),
        ("http://①②⑦.⓪.⓪.①/", FetchReason.BLOCKED_ADDRESS),
        ("http://127.0.0.1/".replace("127", "".join(chr(ord(c) + 0xFEE0) for c in "127")), FetchReason.BLOCKED_ADDRESS),
        ("http://169.254.169.254/latest/meta-data/", FetchReason.BLOCKED_ADDRESS),
    ],
)
def test_an_improper_url_is_refused_with_its_reason(text: str, reason: FetchReason) -> None:
    assert POLICY.vet(text, ANY) is reason


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("b.jpg", "https://shop.example/a/b.jpg"),
        ("/b.jpg", "https://shop.example/b.jpg"),
        ("?size=2", "https://shop.example/a/?size=2"),
        ("//cdn.example/b.jpg", "https://cdn.example/b.jpg"),
        ("https://cdn.example/b.jpg", "https://cdn.example/b.jpg"),
        ("https:/b.jpg", "https://shop.example/b.jpg"),
    ],
)
def test_a_redirect_is_followed_from_where_it_stands(location: str, target: str) -> None:
    assert POLICY.follow(URL("https://shop.example/a/"), location, ANY) == URL(target)


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("", FetchReason.INVALID_URL),
        ("http://shop.example/b.jpg", FetchReason.REDIRECT_DOWNGRADE),
        ("file:///etc/passwd", FetchReason.SCHEME),
        ("https://user@shop.example/", FetchReason.USERINFO),
        ("https://shop.example:22/", FetchReason.PORT),
        ("//169.254.169.254/latest", FetchReason.BLOCKED_ADDRESS),
        ("https://[::1]/", FetchReason.BLOCKED_ADDRESS),
        ("https://a\\@b/", FetchReason.INVALID_URL),
    ],
)
def test_a_redirect_is_vetted_like_a_first_url(location: str, reason: FetchReason) -> None:
    assert POLICY.follow(URL("https://shop.example/a/"), location, ANY) is reason


def test_a_redirect_may_go_up_to_https() -> None:
    assert POLICY.follow(URL("http://shop.example/"), "https://shop.example/", ANY) == URL("https://shop.example/")


def test_one_host_has_one_key() -> None:
    texts = ("https://Shop.Example/a", "https://shop.example.:443/b")

    assert {host_key(URL(text)) for text in texts} == {"shop.example:443"}
    assert host_key(URL("http://shop.example/")) == "shop.example:80"


@given(st.text() | st.from_regex(r"https?://[^/]{0,20}/.{0,20}"))
def test_any_text_gives_a_url_or_a_reason(text: str) -> None:
    vetted = POLICY.vet(text, ANY)

    assert isinstance(vetted, FetchReason) or vetted.scheme in {"http", "https"}
