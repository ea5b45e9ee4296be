# SPDX-License-Identifier: Apache-2.0
"""The fixtures `triton`, one real server for the whole test run on the tiny bundle, and `starter_triton`."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from consumer.bundle.bundle import starter_folder
from consumer.local.ports import PortBook
from consumer.local.starting import Starting
from consumer.local.triton import TritonPart, TritonStatus
from consumer.local.wheel import INSTALL
from tests.support.require import require

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from consumer.local.process import Kept


@dataclass(frozen=True, slots=True)
class Triton:
    """A running server, and what it serves."""

    bundle: Path
    status: TritonStatus
    kept: Kept

    @property
    def grpc(self) -> str:
        return self.status.grpc

    @property
    def read_key(self) -> str:
        return self.status.read_key


def require_triton() -> None:
    """Skip, or fail in CI, without the wheel."""
    require("Triton", find_spec("pytriton") is not None, INSTALL)


@pytest.fixture(scope="session")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triton]:
    """Triton with the three ensembles of the tiny bundle, started on first use and stopped at the end of the run."""
    require_triton()
    from tests.support.bundles import write_tiny_bundle  # needs onnx, which only makers of bundles have

    state = tmp_path_factory.mktemp("triton")
    with serving(state, write_tiny_bundle(state / "bundle")) as running:
        yield running


@pytest.fixture(scope="module")
def starter_triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triton]:
    """The same with the bundle that ships; stopped after the module's tests, because it takes memory."""
    require_triton()
    with serving(tmp_path_factory.mktemp("starter"), starter_folder()) as running:
        yield running


@contextmanager
def serving(state: Path, bundle: Path) -> Iterator[Triton]:
    """A server of `bundle` for the length of the block; its files, and the ports to come back on, are in `state`."""
    with Starting(TritonPart(state, bundle, print), PortBook(state / "ports.json")) as starting:
        yield Triton(bundle, starting.wait(), starting.kept)
