# SPDX-License-Identifier: Apache-2.0
"""A gRPC server that speaks Triton's protocol, for what the real one does not do on demand.

It serves a bundle's true answers, from its graphs, until a test tells it to fail or to spoil them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2, service_pb2, service_pb2_grpc
from tritonclient.utils import np_to_triton_dtype, triton_to_np_dtype

from tests.support.bundles import answer_directly

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    Fault = tuple[grpc.StatusCode, str]


class TritonStub(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # protobuf ships no types
    """Serves `repository`, built from `bundle`. Faults are used up one per inference, in order."""

    def __init__(self, bundle: Path, repository: Path) -> None:
        self._bundle = bundle
        self.configs = {
            path.parent.name: text_format.Parse(path.read_text(), model_config_pb2.ModelConfig())
            for path in repository.glob("*/config.pbtxt")
        }
        self.faults: deque[Fault | None] = deque()
        self.always: Fault | None = None
        self.config_fault: Fault | None = None
        self.spoil: Callable[[Any], None] = lambda _response: None
        self.gate = asyncio.Event()
        """Inferences wait until it is set; it is, at first."""
        self.gate.set()
        self.version = "1"
        self.asked: list[str] = []
        """Model of every inference that arrived."""
        self._arrival = asyncio.Condition()
        self.headers: dict[str, str] = {}
        """Headers of the last config request."""
        self.address = ""

    async def has_asked(self, count: int) -> None:
        """Wait until so many inferences arrived, ten seconds at most."""
        async with asyncio.timeout(10), self._arrival:
            await self._arrival.wait_for(lambda: len(self.asked) >= count)

    async def ModelMetadata(self, request: Any, _context: Any) -> Any:  # noqa: N802  # the protocol's name
        config = self.configs[request.name]
        response = service_pb2.ModelMetadataResponse(name=request.name, versions=["1"], platform=config.platform)
        for declared, tensors in ((response.inputs, config.input), (response.outputs, config.output)):
            for tensor in tensors:
                kind = model_config_pb2.DataType.Name(tensor.data_type).removeprefix("TYPE_")
                declared.add(name=tensor.name, datatype=kind, shape=tensor.dims)
        return response

    async def ModelConfig(self, request: Any, context: Any) -> Any:  # noqa: N802  # the protocol's name
        self.headers = dict(context.invocation_metadata())
        if self.config_fault:
            await context.abort(*self.config_fault)
        return service_pb2.ModelConfigResponse(config=self.configs[request.name])

    async def ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: N802  # the protocol's name
        async with self._arrival:
            self.asked.append(request.model_name)
            self._arrival.notify_all()
        await self.gate.wait()
        fault = self.faults.popleft() if self.faults else self.always
        if fault:
            await context.abort(*fault)
        response = service_pb2.ModelInferResponse(model_name=request.model_name, model_version=self.version)
        # Backwards: a client that reads by position must not get away with it.
        for name, values in reversed(self._answer(request).items()):
            response.outputs.add(name=name, datatype=np_to_triton_dtype(values.dtype), shape=values.shape)
            response.raw_output_contents.append(values.tobytes())
        self.spoil(response)
        return response

    def _answer(self, request: Any) -> dict[str, np.ndarray[Any, Any]]:
        inputs = {
            tensor.name: np.frombuffer(raw, triton_to_np_dtype(tensor.datatype)).reshape(tensor.shape)
            for tensor, raw in zip(request.inputs, request.raw_input_contents, strict=True)
        }
        return answer_directly(self._bundle, request.model_name, inputs)


@asynccontextmanager
async def triton_stub(bundle: Path, repository: Path) -> AsyncIterator[TritonStub]:
    """A stub on a free port of the loopback, in the running event loop."""
    stub = TritonStub(bundle, repository)
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)])
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(stub, server)
    port = server.add_insecure_port("127.0.0.1:0")
    stub.address = f"127.0.0.1:{port}"
    await server.start()
    try:
        yield stub
    finally:
        stub.gate.set()
        await server.stop(grace=None)
