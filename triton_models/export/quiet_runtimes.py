# SPDX-License-Identifier: Apache-2.0
"""OpenVINO and ONNX Runtime without their telemetry: both report home when imported, unless told not to."""

from __future__ import annotations

import os
import sys
from typing import Any


def load_openvino() -> Any:  # it ships no types
    """The module `openvino`. Raises ImportError where it is not installed.

    It sends an event to Google Analytics unless the package `openvino_telemetry` is absent; so it is absent.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None makes its import fail
    import openvino

    return openvino


def load_onnxruntime() -> Any:  # it ships no types
    """The module `onnxruntime`. Raises ImportError where it is not installed.

    Its switch is read at import; `disable_telemetry_events()` comes too late.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    return onnxruntime
