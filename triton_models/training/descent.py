# SPDX-License-Identifier: Apache-2.0
"""Gradient descent that may be killed at any time: every step's chance and learning rate follow from its number."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from math import cos, pi
from typing import TYPE_CHECKING, Any, Self

import torch
from tensorboardX import SummaryWriter
from torch import Tensor, nn

from consumer.errors import OptionInvalid, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

#: What a kill costs at most.
CHECKPOINT_SECONDS = 600.0

_MAX_GRADIENT = 1.0
_STEPS_PER_SCALAR = 10


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

    @classmethod
    def of(cls, name: str, key: str, folder: Path) -> Self:
        """In a file of its own, so that another recipe leaves it alone."""
        return cls(folder / f"{name}-{key[:16]}.pt", key)

    def load(self) -> dict[str, Any] | None:
        """The last state of the same run, or None."""
        if not self.path.exists():
            return None
        state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
        return state if state["key"] == self.key else None

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the last state in one go. Raises Refused where it cannot be written; the last one stays."""
        part = self.path.with_suffix(".part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            torch.save({"key": self.key, **state}, part)
            part.replace(self.path)
        except (OSError, RuntimeError) as error:  # torch's own writer tells of a full disk as a RuntimeError
            part.unlink(missing_ok=True)
            raise Refused(f"{self.path} cannot be written: {error}; the run goes on from what is there") from error


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took, the parts before a kill included."""

    seconds: float = 0.0
    core_hours: float = 0.0
    """Of all threads of the process together."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.seconds + other.seconds, self.core_hours + other.core_hours)


class _Meter:
    """Counts from now on, on top of what was."""

    def __init__(self, before: Cost) -> None:
        self._before = before
        self._started, self._cpu = time.monotonic(), time.process_time()

    @property
    def cost(self) -> Cost:
        """Until now."""
        seconds, cpu_s = time.monotonic() - self._started, time.process_time() - self._cpu
        return self._before + Cost(seconds, cpu_s / 3600)


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

    def run(self, loss_of: Callable[[int], Tensor], progress: Callable[[int, int], None]) -> None:
        """Make `loss_of(step)` small. Goes on from the checkpoint, which it writes every ten minutes and at the end.

        Scalars for TensorBoard lie in the folder beside the checkpoint that bears its name.

        Raises OptionInvalid where the loss is not a number any more, Refused where the checkpoint cannot be written.
        """
        optimiser = torch.optim.AdamW(
            [{"params": list(parameters), "peak": rate} for rate, parameters in self.rates],
            weight_decay=self.decay,
            fused=True,
        )
        first, before = self._resume(optimiser)
        meter = _Meter(before)
        saved = time.monotonic()
        folder = str(self.checkpoint.path.with_suffix(""))
        with SummaryWriter(folder, purge_step=first, filename_suffix=f".from-{first}") as scalars:
            for step in range(first, self.schedule.steps):
                loss = self._step(optimiser, step, loss_of)
                progress(step + 1, self.schedule.steps)
                is_last = step + 1 == self.schedule.steps
                if step % _STEPS_PER_SCALAR == 0 or is_last:
                    scalars.add_scalar("loss", loss, step)
                    scalars.add_scalar("share_of_peak_rate", self.schedule.factor(step), step)
                if time.monotonic() - saved >= CHECKPOINT_SECONDS or is_last:
                    self._save(optimiser, step + 1, meter.cost)
                    saved = time.monotonic()

    def _step(self, optimiser: torch.optim.Optimizer, step: int, loss_of: Callable[[int], Tensor]) -> float:
        torch.manual_seed(self.seed + step)
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * self.schedule.factor(step)
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of(step)
        if not loss.isfinite():
            raise OptionInvalid(
                f"the loss is {loss.item()} at step {step + 1} of {self.schedule.steps}: lower the recipe's rates; "
                f"{self.checkpoint.path} holds the last state that can be used, if there is one"
            )
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        nn.utils.clip_grad_norm_(self.module.parameters(), _MAX_GRADIENT)
        optimiser.step()
        return loss.item()

    def restore(self) -> Cost:
        """Load what a finished run left; what it took. Raises Refused where it has not finished."""
        state = self.checkpoint.load()
        if state is None or state["step"] < self.schedule.steps:
            raise Refused(
                f"{self.checkpoint.path} holds no finished run of this recipe over this data; hangtag models train "
                "starts it, or goes on with it"
            )
        self.module.load_state_dict(state["module"])
        return Cost(**state["cost"])

    def _resume(self, optimiser: torch.optim.Optimizer) -> tuple[int, Cost]:
        state = self.checkpoint.load()
        if state is None:
            return 0, Cost()
        self.module.load_state_dict(state["module"])
        optimiser.load_state_dict(state["optimiser"])
        return int(state["step"]), Cost(**state["cost"])

    def _save(self, optimiser: torch.optim.Optimizer, step: int, cost: Cost) -> None:
        self.checkpoint.save(
            {
                "module": self.module.state_dict(),
                "optimiser": optimiser.state_dict(),
                "step": step,
                "cost": asdict(cost),
            }
        )
