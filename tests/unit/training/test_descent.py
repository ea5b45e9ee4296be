# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from triton_models.training.descent import Checkpoint, Descent, Schedule

if TYPE_CHECKING:
    from pathlib import Path

STEPS = 20


class Killed(Exception):
    pass


class Run:
    """A small descent that may be killed before a step."""

    def __init__(self, folder: Path, key: str = "one") -> None:
        torch.manual_seed(1)
        self.module = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1))
        self.steps: list[int] = []
        self.rates: list[float] = []
        self.checkpoint = Checkpoint(folder / "run.pt", key)

    def go(self, kill_before: int | None = None) -> dict[str, Tensor]:
        descent = Descent(
            self.module,
            [(0.01, self.module.parameters())],
            Schedule(STEPS),
            decay=0.01,
            seed=5,
            checkpoint=self.checkpoint,
        )

        def loss(step: int) -> Tensor:
            if step == kill_before:
                raise Killed
            self.steps.append(step)
            inputs = torch.randn(16, 3)
            result: Tensor = (self.module(inputs) - inputs.sum(1, keepdim=True)).square().mean()
            return result

        descent.run(loss, lambda _done, _total: None)
        return {name: value.clone() for name, value in self.module.state_dict().items()}


def test_the_rate_warms_up_per_step_and_then_falls_to_almost_nothing() -> None:
    schedule = Schedule(100, warm_up=0.1)
    factors = [schedule.factor(step) for step in range(100)]

    assert factors[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
    assert factors[9:] == sorted(factors[9:], reverse=True)
    assert factors[54] == pytest.approx(0.5, abs=0.02)
    assert 0 < factors[-1] < 0.01


def test_a_killed_run_that_goes_on_ends_where_one_without_a_kill_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triton_models.training.descent.CHECKPOINT_SECONDS", 0.0)
    whole = Run(tmp_path / "whole").go()
    with pytest.raises(Killed):
        Run(tmp_path / "killed").go(kill_before=13)

    second = Run(tmp_path / "killed")
    resumed = second.go()

    assert second.steps == list(range(13, STEPS))
    for name, value in whole.items():
        torch.testing.assert_close(resumed[name], value, rtol=0, atol=0)


def test_a_finished_run_is_not_run_again(tmp_path: Path) -> None:
    first = Run(tmp_path).go()
    again = Run(tmp_path)

    assert torch.equal(again.go()["0.weight"], first["0.weight"])
    assert again.steps == []


def test_the_checkpoint_of_another_run_is_not_taken_up(tmp_path: Path) -> None:
    Run(tmp_path, "one").go()
    other = Run(tmp_path, "two")
    other.go()

    assert other.steps == list(range(STEPS))
