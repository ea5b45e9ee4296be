# SPDX-License-Identifier: Apache-2.0
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from consumer.observability.health import Checks, HealthServer
from consumer.observability.metrics import Metrics
from consumer.settings import HealthSettings


@dataclass
class Faults:
    live: list[str] = field(default_factory=list)
    ready: list[str] = field(default_factory=list)


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def server(faults: Faults) -> Iterator[HealthServer]:
    checks = Checks(live=lambda: faults.live, ready=lambda: faults.ready)
    server = HealthServer(HealthSettings(port=0), checks, Metrics())
    server.start()
    yield server
    server.stop()


def get(server: HealthServer, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_no_fault_means_alive_and_ready(server: HealthServer) -> None:
    assert get(server, "/livez")[0] == 200
    assert get(server, "/readyz")[0] == 200


def test_a_fault_of_readiness_is_named_and_does_not_touch_liveness(server: HealthServer, faults: Faults) -> None:
    faults.ready.append("triton: no answer")

    status, body = get(server, "/readyz")

    assert (status, json.loads(body)["reasons"]) == (503, ["triton: no answer"])
    assert get(server, "/livez")[0] == 200


def test_metrics_are_served_in_the_text_format(server: HealthServer) -> None:
    status, body = get(server, "/metrics")

    assert status == 200
    assert "# TYPE hangtag_events_total counter" in body


def test_an_unknown_page_is_not_found(server: HealthServer) -> None:
    assert get(server, "/")[0] == 404
