# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from yarl import URL

from consumer.events import FetchReason
from consumer.images.urls import UrlPolicy
from consumer.settings import ImageSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.image_rule(16)

Lists = dict[str, "Sequence[str]"]


def policy(allowed: Lists | None = None, denied: Lists | None = None, **others: object) -> UrlPolicy:
    settings = {"allowed_hosts": allowed or {}, "denied_hosts": denied or {}, **others}
    return UrlPolicy.of(ImageSettings.model_validate(settings))


def may(rules: UrlPolicy, vendor: str, url: str) -> bool:
    vetted = rules.vet(url, rules.hosts_of(vendor))

    assert vetted is FetchReason.HOST_NOT_ALLOWED or isinstance(vetted, URL), (url, vetted)
    return isinstance(vetted, URL)


def test_without_lists_any_host_may_be_named() -> None:
    assert may(policy(), "acme", "https://shop.example/a.jpg")


def test_a_vendor_with_an_allow_list_may_name_its_hosts_only() -> None:
    rules = policy(allowed={"acme": ["cdn.example"], "closed": []})

    assert may(rules, "acme", "https://cdn.example/a.jpg")
    assert not may(rules, "acme", "https://other.example/a.jpg")
    assert not may(rules, "acme", "https://8.8.8.8/a.jpg")
    assert may(rules, "unlisted", "https://other.example/a.jpg")
    assert not may(rules, "closed", "https://cdn.example/a.jpg")


def test_an_allow_list_of_its_own_replaces_the_one_for_everybody() -> None:
    rules = policy(allowed={"*": ["common.example"], "acme": ["cdn.example"]})

    assert may(rules, "unlisted", "https://common.example/a.jpg")
    assert not may(rules, "unlisted", "https://cdn.example/a.jpg")
    assert may(rules, "acme", "https://cdn.example/a.jpg")
    assert not may(rules, "acme", "https://common.example/a.jpg")


def test_a_deny_list_of_its_own_adds_to_the_one_for_everybody() -> None:
    rules = policy(denied={"*": ["evil.example"], "acme": ["worse.example"]})

    assert not may(rules, "acme", "https://evil.example/")
    assert not may(rules, "acme", "https://worse.example/")
    assert not may(rules, "unlisted", "https://evil.example/")
    assert may(rules, "unlisted", "https://worse.example/")


def test_a_deny_list_of_its_own_leaves_a_vendor_the_allow_list_for_everybody() -> None:
    rules = policy(allowed={"*": ["cdn.example"]}, denied={"acme": ["evil.example"]})

    assert may(rules, "acme", "https://cdn.example/")
    assert not may(rules, "acme", "https://other.example/")


def test_what_is_denied_stays_so_where_it_is_allowed_too() -> None:
    rules = policy(allowed={"acme": ["*.cdn.example"]}, denied={"*": ["old.cdn.example"]})

    assert may(rules, "acme", "https://new.cdn.example/")
    assert not may(rules, "acme", "https://old.cdn.example/")


@pytest.mark.parametrize(
    ("host", "below"),
    [
        ("a.example.org", True),
        ("b.a.example.org", True),
        ("a.example.org.", True),
        ("example.org", False),
        ("badexample.org", False),
        ("example.org.evil.example", False),
        ("org", False),
    ],
)
def test_a_star_means_every_host_below_and_not_the_host_itself(host: str, below: bool) -> None:  # noqa: FBT001
    assert may(policy(allowed={"acme": ["*.example.org"]}), "acme", f"https://{host}/a.jpg") is below
    assert may(policy(denied={"acme": ["*.example.org"]}), "acme", f"https://{host}/a.jpg") is not below


@pytest.mark.parametrize(
    ("pattern", "hosts"),
    [
        (
            "evil.example",
            [
                "EVIL.example",
                "evil.example.",
                "ⓔⓥⓘⓛ.example",
                "evil。example",
                "evil\uff0eexample",
                "\uff45vil.example",
            ],
        ),
        ("Evil.Example.", ["evil.example", "Evil.EXAMPLE"]),
        (
            "xn--bcher-kva.example",
            ["bücher.example", "BÜCHER.example", "bu\u0308cher.example", "XN--BCHER-KVA.example"],
        ),
        ("8.8.8.8", ["8.8.8.8", "⑧.8.8.8", "[::ffff:8.8.8.8]", "[::FFFF:808:808]", "[0:0:0:0:0:ffff:0808:0808]"]),
        ("8.8.8.8", ["[::8.8.8.8]", "[64:ff9b::808:808]", "[2a0a::808:808]"]),
        ("::ffff:808:808", ["8.8.8.8", "[64:ff9b::8.8.8.8]"]),
        ("2606:4700::1", ["[2606:4700::1]", "[2606:4700:0:0:0:0:0:1]", "[2606:4700:0000::0001]"]),
        ("2606:4700:0:0::0001", ["[2606:4700::1]", "[2606:4700::0.0.0.1]"]),
    ],
)
def test_another_spelling_evades_no_list(pattern: str, hosts: list[str]) -> None:
    denying = policy(denied={"*": [pattern]}, nat64_prefixes=["2a0a::/96"])
    allowing = policy(allowed={"*": [pattern]}, nat64_prefixes=["2a0a::/96"])

    assert not [host for host in hosts if may(denying, "acme", f"https://{host}/a.jpg")]
    assert [host for host in hosts if may(allowing, "acme", f"https://{host}/a.jpg")] == hosts


def test_a_redirect_is_held_against_the_same_lists() -> None:
    rules = policy(allowed={"acme": ["cdn.example"]})
    hosts = rules.hosts_of("acme")
    current = URL("https://cdn.example/a")

    assert rules.follow(current, "/b", hosts) == URL("https://cdn.example/b")
    assert rules.follow(current, "//other.example/b", hosts) is FetchReason.HOST_NOT_ALLOWED
    assert rules.follow(current, "https://cdn.example.evil.example/", hosts) is FetchReason.HOST_NOT_ALLOWED


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://evil.example/", FetchReason.SCHEME),
        ("https://user@evil.example/", FetchReason.USERINFO),
        ("https://evil.example:22/", FetchReason.PORT),
        ("https://127.0.0.1/", FetchReason.BLOCKED_ADDRESS),
        ("https://127.0.0.1:22/", FetchReason.BLOCKED_ADDRESS),
        ("https://8.8.8.8:22/", FetchReason.PORT),
        ("https://8.8.8.8/", FetchReason.HOST_NOT_ALLOWED),
        ("https://evil.example/", FetchReason.HOST_NOT_ALLOWED),
    ],
)
def test_lists_are_asked_last_so_that_no_alert_is_lost(url: str, reason: FetchReason) -> None:
    rules = policy(allowed={"acme": ["cdn.example"]}, denied={"*": ["127.0.0.1"]})

    assert rules.vet(url, rules.hosts_of("acme")) is reason


def test_an_exception_of_the_address_rule_is_none_of_the_lists() -> None:
    rules = policy(denied={"acme": ["127.0.0.2"]}, allow_private=["127.0.0.2/32:8123"])

    assert may(rules, "other", "http://127.0.0.2:8123/a.jpg")
    assert not may(rules, "acme", "http://127.0.0.2:8123/a.jpg")


def test_vendors_with_the_same_rules_share_one_key() -> None:
    lists: Lists = {
        "acme": ["cdn.example", "*.cdn.example"],
        "bert": ["*.CDN.example.", "cdn.example"],
        "cleo": ["c.example"],
    }
    rules = policy(allowed=lists, denied={"dora": ["evil.example"]})
    keys = {vendor: rules.hosts_of(vendor) for vendor in ("acme", "bert", "cleo", "dora", "unlisted", "", "*")}

    assert keys["acme"] is keys["bert"]
    assert keys["unlisted"] is keys[""] is keys["*"]
    assert len({(URL("https://cdn.example/"), hosts) for hosts in keys.values()}) == 4


def test_a_vendor_who_calls_himself_a_star_gains_nothing() -> None:
    rules = policy(allowed={"*": ["cdn.example"]}, denied={"*": ["evil.cdn.example"]})

    assert may(rules, "*", "https://cdn.example/")
    assert not may(rules, "*", "https://other.example/")
