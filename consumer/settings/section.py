# SPDX-License-Identifier: Apache-2.0
"""What every slice of the settings is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """One slice of the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)
