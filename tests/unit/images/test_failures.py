# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any, cast

import aiohttp

from consumer.events import FetchReason
from consumer.images.failures import Failure, failure_of
from consumer.images.hosts import Evidence


def test_why_a_name_is_not_found_is_for_the_operator() -> None:
    key = cast("Any", None)  # of the connection; only its text would name it
    error = aiohttp.ClientConnectorDNSError(key, OSError(None, "Timeout while contacting DNS servers"))

    assert failure_of(error) == Failure(FetchReason.DNS, Evidence.NONE, "Timeout while contacting DNS servers")
