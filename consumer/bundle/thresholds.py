# SPDX-License-Identifier: Apache-2.0
"""From which confidence an answer is accepted or suggested: `thresholds.json`.

Annotations are evaluated here (no `__future__` import), because pydantic checks the file against these classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from consumer.bundle.manifest import parse_checked
from consumer.errors import IncompatibleModels

Head = Literal["fused", "image", "text"]
"""Which head of a task answered: with both modalities the fused one, else the one of the modality that is there."""

#: A threshold that no confidence reaches: the target precision was not met on the calibration split.
NEVER = 1.01

_Threshold = Annotated[float, Field(ge=0, le=NEVER)]


@dataclass(frozen=True, slots=True)
class TaskThresholds:
    """Calibrated confidences from which a first value is accepted, or at least suggested."""

    accept: _Threshold
    suggest: _Threshold
    per_value: Mapping[str, _Threshold] = field(default_factory=dict)
    """`accept` of single values, by value id, where there was enough to measure."""

    def accept_of(self, value_id: str) -> float:
        """The confidence from which this value is accepted; above 1 = never."""
        return self.per_value.get(value_id, self.accept)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """All thresholds of a bundle, with their own version."""

    version: str
    tasks: Mapping[str, Mapping[Head, TaskThresholds]]

    def pick(self, handle: str, modalities: frozenset[str]) -> TaskThresholds:
        """The thresholds of the head that answers for these modalities (`image`, `text`). KeyError without the task."""
        return self.tasks[handle][head_for(modalities)]


def head_for(modalities: frozenset[str]) -> Head:
    """The head that answers when these modalities are present. ValueError without any."""
    if modalities >= {"image", "text"}:
        return "fused"
    if "image" in modalities:
        return "image"
    if "text" in modalities:
        return "text"
    raise ValueError("no modality, no head")


_THRESHOLDS = TypeAdapter(Thresholds)


def read_thresholds(path: Path, handles: frozenset[str]) -> Thresholds:
    """Parse `thresholds.json`; every handle must have all three heads. Raises IncompatibleModels."""
    thresholds = parse_checked(path, _THRESHOLDS)
    missing = [
        f"tasks.{handle}.{head}"
        for handle in sorted(handles)
        for head in ("fused", "image", "text")
        if head not in thresholds.tasks.get(handle, {})
    ]
    if missing:
        raise IncompatibleModels(f"{path}: missing: " + ", ".join(missing))
    return thresholds


def write_thresholds(path: Path, thresholds: Thresholds) -> None:
    """Write `thresholds.json`, indented: people read it."""
    path.write_bytes(_THRESHOLDS.dump_json(thresholds, indent=2) + b"\n")
