# SPDX-License-Identifier: Apache-2.0
"""OpenVINO without its telemetry."""

from __future__ import annotations

import sys
from typing import Any


def load_openvino() -> Any:  # it ships no types
    """The module `openvino`. Raises ImportError where it is not installed.

    Importing it sends an event to Google Analytics, unless the package `openvino_telemetry` is absent; so it is absent.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None makes its import fail
    import openvino

    return openvino
