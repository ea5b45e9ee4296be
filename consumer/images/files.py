# SPDX-License-Identifier: Apache-2.0
"""Bodies from files, for products whose photos lie here: no policy is asked about those, every other check holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.events import FetchReason
from consumer.images.fetched import Fetched, FetchFailed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from consumer.images.fetched import FetchResult
    from consumer.images.loading import FetchesImages
    from consumer.images.memory import Share

#: Suffixes of files that are taken for photos; what they hold is found out by their bytes.
PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".heic"})


class FileBodies:
    """Reads the file that a URL stands for; asks `otherwise` about a URL without one."""

    def __init__(self, files: Mapping[str, Path], max_bytes: int, otherwise: FetchesImages | None = None) -> None:
        self._files = files
        self._max_bytes = max_bytes
        self._otherwise = otherwise

    async def fetch(self, url: str, vendor_id: str, share: Share) -> FetchResult:
        """The file's bytes; `invalid_url` where nothing stands behind a URL, `incomplete` where the file is gone."""
        file = self._files.get(url)
        if file is None:
            if self._otherwise is None:
                return FetchFailed(url, FetchReason.INVALID_URL)
            return await self._otherwise.fetch(url, vendor_id, share)
        try:
            with file.open("rb") as opened:
                body = opened.read(self._max_bytes + 1)
        except OSError:
            return FetchFailed(url, FetchReason.INCOMPLETE)
        return FetchFailed(url, FetchReason.TOO_LARGE) if len(body) > self._max_bytes else Fetched(url, body)
