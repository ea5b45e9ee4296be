# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.local.demo_consumer import only
from consumer.settings import Delivery, load_settings

if TYPE_CHECKING:
    import pytest

EXPORTED = {
    "HANGTAG_ENGINE__DELIVERY": "at_least_once",
    "HANGTAG_TRITON__BUNDLE": "/some/other/bundle",
    "HANGTAG_TOPICS__EVENTS": "other-events",
    "HANGTAG_IMAGES__ALLOW_PRIVATE": '["127.0.0.1/32:8123"]',
    "HANGTAG_SECRETS_DIR": "/run/secrets",
}


def test_what_the_shell_exports_for_other_parts_does_not_reach_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in EXPORTED.items():
        monkeypatch.setenv(name, value)

    for name, value in only({"HANGTAG_TRITON__GRPC": "127.0.0.1:8201"}).items():
        monkeypatch.setenv(name, value)

    settings = load_settings()
    assert settings.triton.grpc == "127.0.0.1:8201"
    assert settings.triton.bundle is None
    assert settings.engine.delivery is Delivery.EXACTLY_ONCE
    assert settings.topics.events == "product-events"
    assert settings.images.allow_private == ()
