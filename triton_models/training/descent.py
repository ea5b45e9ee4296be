# SPDX-License-Identifier: Apache-2.0
"""Gradient descent that may be killed at any time: every step's chance and learning rate follow from its number."""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import cos, pi
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from consumer.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

#: What a kill costs at most.
CHECKPOINT_SECONDS = 600.0

_MAX_GRADIENT = 1.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """Linear warm-up per step, then half a cosine down to almost nothing."""

    steps: int
    warm_up: float = 0.1
    """Share of the steps."""

    def factor(self, step: int) -> float:
        """Of the peak learning rate, for step 0, 1, ..., `steps` - 1."""
        warm = max(1, round(self.steps * self.warm_up))
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + cos(pi * (step - warm + 1) / (self.steps - warm + 1)))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a run is kept while it lasts. `key` names all that it depends on: of another key, it is not taken up."""

    path: Path
    key: str

    def load(self) -> dict[str, Any] | None:
        """The last state of the same run, or None."""
        if not self.path.exists():
            return None
        state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
        return state if state["key"] == self.key else None

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the last state in one go."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        torch.save({"key": self.key, **state}, part)
        part.replace(self.path)


@dataclass(frozen=True, slots=True)
class Descent:
    """AdamW over a module whose parameters have peak learning rates of their own."""

    module: nn.Module
    rates: Sequence[tuple[float, Iterable[nn.Parameter]]]
    """Peak learning rates, each with the parameters that learn at it."""
    schedule: Schedule
    decay: float
    seed: int
    checkpoint: Checkpoint

    def run(self, loss_of: Callable[[int], Tensor], progress: Callable[[int, int], None]) -> float:
        """Make `loss_of(step)` small; seconds that all steps took, those before a kill included.

        Goes on from the checkpoint, which it writes every ten minutes and at the end.
        """
        optimiser = torch.optim.AdamW(
            [{"params": list(parameters), "peak": rate} for rate, parameters in self.rates],
            weight_decay=self.decay,
            fused=True,
        )
        first, before = self._resume(optimiser)
        started = saved = time.monotonic()
        for step in range(first, self.schedule.steps):
            torch.manual_seed(self.seed + step)
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * self.schedule.factor(step)
            optimiser.zero_grad(set_to_none=True)
            loss_of(step).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            nn.utils.clip_grad_norm_(self.module.parameters(), _MAX_GRADIENT)
            optimiser.step()
            progress(step + 1, self.schedule.steps)
            now = time.monotonic()
            if now - saved >= CHECKPOINT_SECONDS or step + 1 == self.schedule.steps:
                self._save(optimiser, step + 1, before + now - started)
                saved = now
        return before + time.monotonic() - started

    def restore(self) -> float:
        """Load what a finished run left; seconds that it took. Raises Refused where it has not finished."""
        state = self.checkpoint.load()
        if state is None or state["step"] < self.schedule.steps:
            raise Refused(
                f"{self.checkpoint.path} holds no finished run of this recipe over this data; hangtag models train "
                "starts it, or goes on with it"
            )
        self.module.load_state_dict(state["module"])
        return float(state["seconds"])

    def _resume(self, optimiser: torch.optim.Optimizer) -> tuple[int, float]:
        state = self.checkpoint.load()
        if state is None:
            return 0, 0.0
        self.module.load_state_dict(state["module"])
        optimiser.load_state_dict(state["optimiser"])
        return int(state["step"]), float(state["seconds"])

    def _save(self, optimiser: torch.optim.Optimizer, step: int, seconds: float) -> None:
        self.checkpoint.save(
            {"module": self.module.state_dict(), "optimiser": optimiser.state_dict(), "step": step, "seconds": seconds}
        )
