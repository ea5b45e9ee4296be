# SPDX-License-Identifier: Apache-2.0
"""The fixture `image_host`: the static host of `hangtag local up`, with a folder of the test's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from consumer.local.images import ImagesPart
from consumer.local.ports import PortBook
from consumer.local.starting import Starting

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class ImageHost:
    """A running host. `url` ends without a slash."""

    url: str
    root: Path

    @property
    def allow_private(self) -> str:
        """The entry of `images.allow_private` that lets the fetcher in."""
        return f"127.0.0.1/32:{urlsplit(self.url).port}"

    def add(self, name: str, content: bytes) -> str:
        """Serve `content` under `name`, which may hold folders; its URL."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return f"{self.url}/{name}"


@pytest.fixture
def image_host(tmp_path: Path) -> Iterator[ImageHost]:
    """A host of the test's own, empty."""
    with Starting(ImagesPart(tmp_path, None), PortBook(tmp_path / "ports.json")) as starting:
        status = starting.wait()
        yield ImageHost(status.url, Path(status.root))
