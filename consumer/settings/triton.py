# SPDX-License-Identifier: Apache-2.0
"""The inference server."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from consumer.settings.section import Section


class TritonSettings(Section):
    """Where the models are served."""

    grpc: str = Field("127.0.0.1:8001", description="host:port of Triton's gRPC endpoint.")
    read_key: SecretStr | None = Field(
        None, description="Value of the restricted header for model-config and statistics; `local env` prints it."
    )
    bundle: Path | None = Field(None, description="Folder of the bundle that is served; default: the shipped starter.")
    request_timeout_s: float = Field(30, gt=0, description="Deadline of one inference, above the worst queue wait.")
    in_flight_images: int = Field(
        32, ge=1, description="Images sent and not answered: 2 x max batch x instances of the slowest step."
    )
    poison_attempts: int = Field(
        5, ge=1, description="Failures of one event, while the canary is green, that make it a dead letter."
    )
