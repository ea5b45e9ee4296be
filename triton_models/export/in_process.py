# SPDX-License-Identifier: Apache-2.0
"""A bundle's graphs in this process, asked as the server is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np

from consumer.triton.client import Answer
from triton_models.export.runtimes import OnnxRuntime, run_ensemble

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from consumer.bundle import Bundle
    from consumer.triton.tensors import Ensemble


class InProcess:
    """Answers in float32 by ONNX Runtime, one product at a time; the event loop goes on meanwhile."""

    #: For `provenance`.
    precision = "f32"

    def __init__(self, bundle: Bundle) -> None:
        self._run = OnnxRuntime(bundle.folder)
        self._version = str(bundle.manifest.bundle)
        self._one = asyncio.Lock()

    async def infer(self, ensemble: Ensemble, tensors: Mapping[str, NDArray[np.generic]]) -> Answer:
        """The ensemble's answer for one product."""
        async with self._one:
            outputs = await asyncio.to_thread(run_ensemble, self._run, ensemble, tensors)
        return Answer(self._version, {name: np.asarray(values, np.float32) for name, values in outputs.items()})

    async def check_description(self) -> None:
        """The graphs are the bundle's own."""

    async def is_green(self) -> bool:
        """There is no server that could be ill."""
        return True
