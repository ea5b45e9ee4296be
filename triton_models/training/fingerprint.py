# SPDX-License-Identifier: Apache-2.0
"""One hash over all that a result depends on."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

#: Raised when the same recipe would learn something else of the same data: 2, losses are not divided by ln K any more.
LEARNING_VERSION = 2


def fingerprint(*parts: Any) -> str:
    """SHA-256 of plain values (numbers, strings, lists, mappings) and mappings of arrays, in this order."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(json.dumps(part, default=_plain, ensure_ascii=False).encode())
    return whole.hexdigest()


def _plain(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return hashlib.sha256(f"{value.dtype}{value.shape}".encode() + value.tobytes()).hexdigest()
    raise TypeError(f"{type(value).__name__} has no fingerprint")
