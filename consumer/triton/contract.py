# SPDX-License-Identifier: Apache-2.0
"""Whether the server runs our bundle, and rightly: its description at start, its answer to the canary at any time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from consumer.errors import IncompatibleModels, ModelFailed, TritonUnavailable, Unprocessable
from consumer.triton.canary import KnownAnswers
from consumer.triton.failures import RequestRefused
from consumer.triton.tensors import Ensemble, Tensor, signature

if TYPE_CHECKING:
    from typing import Any  # protobuf ships no types

    from consumer.bundle import Bundle, Manifest
    from consumer.triton.client import Answer, TritonClient

log = structlog.get_logger()


class Contract:
    """Holds the server to the bundle's manifest. For one event loop."""

    def __init__(self, client: TritonClient, bundle: Bundle) -> None:
        self._client = client
        self._manifest = bundle.manifest
        self._known = KnownAnswers(bundle.manifest)
        self._precision: str | None = None
        self._rounds: dict[Ensemble, int] = {}
        self._asking: asyncio.Task[bool] | None = None

    @property
    def precision(self) -> str:
        """What the served graphs compute in, for `provenance`; known once `verify` has passed."""
        assert self._precision is not None, "verify() comes first"
        return self._precision

    async def verify(self) -> None:
        """Return when the server is up and runs this bundle as the manifest says.

        Raises TritonUnavailable while it is not up (wait and ask again), Refused when it wants a key that we do not
        hold, IncompatibleModels when it runs something else.
        """
        await self.check_description()
        await self.canary()

    async def check_description(self) -> None:
        """Compare names, types, shapes and parameters of the three ensembles. Raises as `verify` does."""
        for ensemble in Ensemble:
            metadata = await self._client.metadata(ensemble)
            _compare_tensors(self._manifest, ensemble, metadata)
            config = await self._client.config(ensemble)
            self._precision = _precision(self._manifest, ensemble, config)
            steps = [step.model_name for step in config.ensemble_scheduling.step]
            self._rounds[ensemble] = max([await self._instances(step) for step in steps])

    async def canary(self) -> None:
        """Ask every ensemble for the known answer, as often in a row as its widest step has instances.

        A dead instance fails only every second call, so one call can miss it. Raises TritonUnavailable when an answer
        does not come, IncompatibleModels when it is not the manifest's.
        """
        for ensemble in Ensemble:
            for _ in range(self._rounds[ensemble]):
                answer = await self._ask(ensemble)
                self._known.compare(ensemble, self.precision, answer)

    async def is_green(self) -> bool:
        """Whether the canary lives now. Callers at the same time share one run. Raises IncompatibleModels."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._run_canary())
        # The run outlives a caller that is cancelled: others may wait for it.
        return await asyncio.shield(self._asking)

    async def _run_canary(self) -> bool:
        try:
            await self.canary()
        except TritonUnavailable as error:
            log.warning("triton_canary_red", error=str(error))
            return False
        return True

    async def _ask(self, ensemble: Ensemble) -> Answer:
        try:
            return await self._client.infer_at_once(ensemble, self._known.inputs(ensemble))
        except RequestRefused as error:
            raise IncompatibleModels(f"the server refuses the canary: {error}") from error
        except ModelFailed as error:
            raise TritonUnavailable(f"the canary fails: {error}") from error
        except Unprocessable as error:
            raise IncompatibleModels(f"the canary's answer cannot be used: {error}") from error

    async def _instances(self, step: str) -> int:
        config = await self._client.config(step)
        return sum(group.count * max(1, len(group.gpus)) for group in config.instance_group)


def _compare_tensors(manifest: Manifest, ensemble: Ensemble, metadata: Any) -> None:
    expected = signature(manifest, ensemble)
    for kind, wanted, served in (
        ("inputs", expected.inputs, metadata.inputs),
        ("outputs", expected.outputs, metadata.outputs),
    ):
        got = {Tensor(tensor.name, tensor.datatype, tuple(tensor.shape)) for tensor in served}
        if got != set(wanted):
            raise IncompatibleModels(
                f"{ensemble}: {kind} are not those of bundle {manifest.bundle}: "
                f"missing {_listed(set(wanted) - got)}; unknown {_listed(got - set(wanted))}"
            )


def _listed(tensors: set[Tensor]) -> str:
    return ", ".join(sorted(f"{tensor.name} {tensor.datatype} {list(tensor.shape)}" for tensor in tensors)) or "none"


def _precision(manifest: Manifest, ensemble: Ensemble, config: Any) -> str:
    """The precision that the ensemble was built for, once its parameters are seen to be the bundle's."""
    served: dict[str, str] = {key: value.string_value for key, value in config.parameters.items()}
    wanted = {
        "bundle": str(manifest.bundle),
        "contract": str(manifest.contract),
        "ontology": manifest.ontology,
        "preprocessing": manifest.pixels,
    }
    for key, value in wanted.items():
        if served.get(key) != value:
            raise IncompatibleModels(f"{ensemble}: {key} is {served.get(key)!r}, but our bundle says {value!r}")
    precision = served.get("precision", "")
    if ensemble not in manifest.canary.expected.get(precision, {}):
        raise IncompatibleModels(f"{ensemble}: the manifest holds no canary for precision {precision!r}")
    return precision
