# SPDX-License-Identifier: Apache-2.0
"""The bundle of the session's server, and servers of one's own to break."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from consumer.bundle import Bundle, load_bundle
from consumer.local.ports import PortBook
from consumer.local.starting import Starting
from consumer.local.triton import REPOSITORY, TritonPart, TritonStatus
from tests.support.bundles import write_tiny_bundle
from tests.support.triton import Triton, require_triton

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def bundle(triton: Triton) -> Bundle:
    return load_bundle(triton.bundle)


@pytest.fixture
def start_triton(tmp_path: Path) -> Iterator[Callable[..., tuple[Triton, Starting[TritonStatus]]]]:
    """Starts a server that the test may kill; a second start comes back on the same ports.

    `sabotage` changes its model repository before it starts.
    """
    require_triton()
    folder = write_tiny_bundle(tmp_path / "bundle")
    started: list[Starting[TritonStatus]] = []

    def start(sabotage: Callable[[Path], None] = lambda _repository: None) -> tuple[Triton, Starting[TritonStatus]]:
        part = TritonPart(tmp_path, folder, print)
        sabotage(tmp_path / "triton" / REPOSITORY)
        starting = Starting(part, PortBook(tmp_path / "ports.json"))
        started.append(starting)
        return Triton(folder, starting.wait(), starting.kept), starting

    yield start
    for starting in started:
        starting.stop()
