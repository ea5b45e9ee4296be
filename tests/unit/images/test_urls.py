# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from consumer.events import FetchReason
from consumer.images.urls import MAX_URL_CHARACTERS, UrlPolicy, host_key
from consumer.settings import ImageSettings

POLICY = UrlPolicy.of(ImageSettings(allow_private=("127.0.0.2/32:8123",)))
ANY = POLICY.hosts_of("")


@pytest.mark.image_rule(1)
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
        "https://shop.example:/a.jpg",
        "https://ⓢⓗⓞⓟ.example/a.jpg",
        "https://shop。example/a.jpg",
        "https://faß.example/a.jpg",
        "https://xn--bcher-kva.example/a.jpg",
        "https://shop.example?@127.0.0.1/",
        "https://shop.example#@127.0.0.1/",
        "http://[2606:4700:0:0::0.0.0.1]/a.jpg",
        "http://[::ffff:8.8.8.8]/a.jpg",
        "http://[64:ff9b::808:808]/a.jpg",
        "https://shop.example/" + "a" * (MAX_URL_CHARACTERS - 21),
    ],
)
def test_a_proper_url_is_accepted(text: str) -> None:
    assert isinstance(POLICY.vet(text, ANY), URL)


@pytest.mark.image_rule(1)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://",
        "http:///x",
        "http:/shop.example/x",
        "http:8.8.8.8/",
        "http://a\\@b/",
        "http://shop.example/a\\b.jpg",
        "http://a\x00b/",
        "http://a b/",
        "http://a\xa0b/",
        "http://a\u3000b/",
        "http://h\n/x",
        "http://h\r/x",
        "http://h\t/x",
        "http://h/\x85",
        "http://h\u2028/",
        "http://h/\udc80",
        "http://a%00b/",
        "http://a%0ab/",
        "http://a%2eb/",
        "http://%31%32%37.0.0.1/",
        "http://127.0.0.1%2f.example/",
        "http://[fe80::1%25eth0]/",
        "http://[::1%eth0]/",
        "http://[2606:4700::1%25]/",
        "http://[::1/",
        "http://::1/",
        "http://[127.0.0.1]/",
        "http://a..b/",
        "http://.a/",
        "http://a../",
        "http://xn--/",
        "http://xn--a.example/",
        "http://a\u00adb.example/",
        "http://" + "a" * 64 + ".example/",
        "http://" + "a." * 127 + "aa/",
        *(f"http://{host}/" for host in ("0x7f.1", "0X7F.1", "0177.0.0.1", "127.1", "2130706433", "0x7f000001", "0")),
        *(f"http://{host}/" for host in ("127.0.0.1.", "8.8.8.8.", "a.0x", "a.256", "1.2.3.4.5", "١٢٧.0.0.1")),
        "http://h:65536/",
        "http://h:80:80/",
        "http://h:-1/",
        "http://h:a/",
        *(f"http://h:{port}/" for port in ("8_0", " 80", "80 ", "+80", "٨٠")),
        "//h:8_0/",
        "http://@h/",
        "http://[v1.shop.example]/",
        "http://[::1]@/",  # yarl 1.25 raises IndexError
        "http://[2606:47①0::1111]/",  # and leaves the brackets off
        "https://shop.example/" + "a" * (MAX_URL_CHARACTERS - 20),
    ],
)
def test_a_text_that_two_parsers_may_read_in_two_ways_is_no_url(text: str) -> None:
    assert POLICY.vet(text, ANY) is FetchReason.INVALID_URL


@pytest.mark.image_rule(2)
@pytest.mark.parametrize(
    "text",
    [
        "shop.example/a.jpg",
        "//shop.example/a.jpg",
        "///shop.example/a.jpg",
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "ftp://shop.example/a.jpg",
        "Gopher://shop.example/",
        "gopher://127.0.0.1:6379/",
        "data:image/png;base64,aGk=",
        "DATA:image/png;base64,aGk=",
        "blob:https://shop.example/a",
        "jar:http://shop.example!/",
        "unix:///run/docker.sock",
    ],
)
def test_a_scheme_other_than_http_and_https_is_refused(text: str) -> None:
    assert POLICY.vet(text, ANY) is FetchReason.SCHEME


@pytest.mark.image_rule(14)
@pytest.mark.parametrize("text", ["s3://bucket/a.jpg", "S3://bucket/a.jpg", "gs://bucket/a.jpg", "GS://b/a.jpg"])
def test_buckets_are_none_of_our_hosts(text: str) -> None:
    assert POLICY.vet(text, ANY) is FetchReason.SCHEME
    assert POLICY.follow(URL("https://shop.example/a/"), text, ANY) is FetchReason.SCHEME


@pytest.mark.image_rule(2)
def test_the_operator_may_insist_on_https() -> None:
    policy = UrlPolicy.of(ImageSettings(schemes=("https",)))

    assert isinstance(policy.vet("https://shop.example/a.jpg", ANY), URL)
    assert policy.vet("http://shop.example/a.jpg", ANY) is FetchReason.SCHEME


@pytest.mark.image_rule(3)
@pytest.mark.parametrize(
    "text",
    [
        "http://shop.example:22/",
        "http://shop.example:0/",
        "http://shop.example:65535/",
        "https://shop.example:8080/",
        "https://8.8.8.8:8443/",
        "https://8.8.8.8:8123/",
        "http://[2606:4700::1]:25/",
    ],
)
def test_a_port_that_is_none_of_the_webs_is_refused(text: str) -> None:
    assert POLICY.vet(text, ANY) is FetchReason.PORT


@pytest.mark.image_rule(3)
def test_the_operator_may_open_another_port() -> None:
    policy = UrlPolicy.of(ImageSettings(ports=(443, 8443)))

    assert isinstance(policy.vet("https://shop.example:8443/a.jpg", ANY), URL)
    assert policy.vet("http://shop.example/a.jpg", ANY) is FetchReason.PORT


@pytest.mark.image_rule(4)
@pytest.mark.parametrize(
    "text",
    [
        "http://user@shop.example/",
        "http://user:secret@shop.example/",
        "http://:secret@shop.example/",
        "http://:@shop.example/",
        "http://8.8.8.8@127.0.0.1/",
        "http://127.0.0.1@shop.example/",
        "http://shop.example:80@evil.example/",
        "http://shop.example%2f@evil.example/",
    ],
)
def test_a_url_with_a_user_is_refused(text: str) -> None:
    assert POLICY.vet(text, ANY) is FetchReason.USERINFO


@pytest.mark.image_rule(5)
@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1:22/",
        "http://127.0.0.3:8123/",
        "http://127.0.0.2/",
        "http://0.0.0.0/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.2]:8123/",
        "http://[0:0:0:0:0:FFFF:7F00:1]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[2002:7f00:1::1]/",
        "http://①②⑦.⓪.⓪.①/",
        "http://①②⑦。⓪\uff0e⓪｡①/",
        "http://\uff11\uff12\uff17.0.0.1/",
        "http://127。0。0。1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
    ],
)
def test_a_literal_address_is_judged_in_whatever_digits(text: str) -> None:
    assert POLICY.vet(text, ANY) is FetchReason.BLOCKED_ADDRESS


@pytest.mark.image_rule(6)
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


@pytest.mark.image_rule(6)
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
        ("//a\\@b/", FetchReason.INVALID_URL),
        ("//127.1/", FetchReason.INVALID_URL),
        ("https://[::1]@/", FetchReason.INVALID_URL),
        ("//[2606:47①0::1111]/", FetchReason.INVALID_URL),
        (" //h:8_0/", FetchReason.INVALID_URL),
        ("//①②⑦.⓪.⓪.①/", FetchReason.BLOCKED_ADDRESS),
        ("//user@shop.example/", FetchReason.USERINFO),
        ("//shop.example:22/", FetchReason.PORT),
        ("///b.jpg\n", FetchReason.INVALID_URL),
        ("HTTP://shop.example/b.jpg", FetchReason.REDIRECT_DOWNGRADE),
        ("data:image/png;base64,aGk=", FetchReason.SCHEME),
        ("/" + "a" * MAX_URL_CHARACTERS, FetchReason.INVALID_URL),
    ],
)
def test_a_redirect_is_vetted_like_a_first_url(location: str, reason: FetchReason) -> None:
    assert POLICY.follow(URL("https://shop.example/a/"), location, ANY) is reason


@given(
    st.sampled_from(["http://", "https://", "//", ""]),
    st.text(st.sampled_from("[]@:/.?#%&-_①⑦。ａé\u00ad019afx ") | st.characters(), max_size=24),
)
@example("http://", "[::1]@/")
@example("http://", "[::①]/")
def test_no_text_is_too_odd_for_an_answer(start: str, rest: str) -> None:
    """What raises here ends the worker, and again after each start."""
    vetted = POLICY.vet(start + rest, ANY)
    target = POLICY.follow(URL("https://shop.example/a/"), start + rest, ANY)

    for found in (vetted, target):
        assert isinstance(found, FetchReason) or host_key(found) == f"{str(found.raw_host).rstrip('.')}:{found.port}"


@pytest.mark.image_rule(6)
def test_a_redirect_may_go_up_to_https() -> None:
    assert POLICY.follow(URL("http://shop.example/"), "https://shop.example/", ANY) == URL("https://shop.example/")


def test_one_host_has_one_key() -> None:
    texts = ("https://Shop.Example/a", "https://shop.example.:443/b")

    assert {host_key(URL(text)) for text in texts} == {"shop.example:443"}
    assert host_key(URL("http://shop.example/")) == "shop.example:80"


@pytest.mark.image_rule(1)
@given(st.text() | st.from_regex(r"https?://[^/]{0,20}/.{0,20}"))
def test_any_text_gives_a_url_or_a_reason(text: str) -> None:
    vetted = POLICY.vet(text, ANY)

    assert isinstance(vetted, FetchReason) or vetted.scheme in {"http", "https"}
