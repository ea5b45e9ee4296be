# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from consumer.images import http
from consumer.retry import Backoff


@pytest.fixture(autouse=True)
def _retries_come_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_BACKOFF", Backoff(first_s=0))
