# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
from ipaddress import ip_address

import pytest

from consumer.events import FetchReason
from consumer.images.addresses import AddressPolicy
from consumer.images.dialling import is_our_own, judge
from consumer.settings import ImageSettings
from tests.support.descriptors import no_descriptor_left


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.3"])
def test_this_machine_knows_its_own_addresses(address: str) -> None:
    assert is_our_own(ip_address(address))


def test_an_exception_may_be_our_own_address() -> None:
    policy = AddressPolicy.of(ImageSettings(allow_private=("127.0.0.1/32:8123",)))

    assert judge(policy, ip_address("127.0.0.1"), 8123) is None
    assert judge(policy, ip_address("127.0.0.1"), 80) is FetchReason.BLOCKED_ADDRESS


def test_an_address_of_ours_is_refused_even_if_it_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AddressPolicy, "is_public", lambda *_: True)

    policy = AddressPolicy.of(ImageSettings())
    for text in ("127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"):  # the last one by way of a NAT64 gateway
        assert judge(policy, ip_address(text), 80) is FetchReason.BLOCKED_ADDRESS


def test_without_a_descriptor_to_ask_with_nothing_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AddressPolicy, "is_public", lambda *_: True)
    policy = AddressPolicy.of(ImageSettings())

    with no_descriptor_left(), pytest.raises(OSError, match=f"Errno {errno.EMFILE}"):
        judge(policy, ip_address("127.0.0.1"), 80)
