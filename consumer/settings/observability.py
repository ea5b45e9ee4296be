# SPDX-License-Identifier: Apache-2.0
"""What operators see of a process."""

from __future__ import annotations

from pydantic import Field

from consumer.settings.section import Section


class HealthSettings(Section):
    """The HTTP port of /livez, /readyz and /metrics."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 in a container.")
    port: int = Field(9464, ge=0, le=65_535, description="0 takes any free port; the choice is logged.")


class LogSettings(Section):
    """What is written to stdout."""

    level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Lowest level written.")
