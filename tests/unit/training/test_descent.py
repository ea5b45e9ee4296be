# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import resource
import struct
from typing import TYPE_CHECKING

import pytest
import torch
from tensorboardX.proto.event_pb2 import Event
from torch import Tensor, nn

from consumer.errors import OptionInvalid, Refused
from triton_models.training.descent import Checkpoint, Descent, Schedule

if TYPE_CHECKING:
    from collections.abc import Iterator
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


@pytest.mark.gate(10)
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


def test_a_loss_that_is_no_number_ends_the_run_and_leaves_the_last_state(tmp_path: Path) -> None:
    module = nn.Linear(1, 1)
    checkpoint = Checkpoint(tmp_path / "run.pt", "one")
    descent = Descent(module, [(0.01, module.parameters())], Schedule(STEPS), 0.0, 1, checkpoint)

    def loss(step: int) -> Tensor:
        result: Tensor = module(torch.ones(1)).sum() / (step - 3 if step != 3 else float("nan"))
        return result

    with pytest.raises(OptionInvalid, match=r"the loss is nan at step 4 of 20: lower the recipe's rates"):
        descent.run(loss, lambda _done, _total: None)
    assert all(parameter.isfinite().all() for parameter in module.parameters())


def test_a_checkpoint_that_cannot_be_written_is_said_and_the_last_one_stays(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "run.pt", "one")
    checkpoint.save({"step": 1})
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    # As on a full disk: the kernel refuses to let the file grow.
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, limit[1]))
    try:
        with pytest.raises(Refused, match="cannot be written"):
            checkpoint.save({"step": 2, "module": {"weight": torch.zeros(100_000)}})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)

    assert checkpoint.load() == {"key": "one", "step": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["run.pt"]


def test_tensorboard_finds_the_loss_and_the_rate_of_a_run_and_of_the_run_that_went_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triton_models.training.descent.CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(Killed):
        Run(tmp_path).go(kill_before=13)
    Run(tmp_path).go()

    values = list(scalars_in(tmp_path / "run"))

    assert {name for name, _, _ in values} == {"loss", "share_of_peak_rate"}
    assert [step for name, step, _ in values if name == "loss"] == [0, 10, STEPS - 1]
    assert values[0][2] > 0


def scalars_in(folder: Path) -> Iterator[tuple[str, int, float]]:
    """Tag, step and value of every scalar in the event files of a folder, oldest file first."""
    for file in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns):
        raw, start = file.read_bytes(), 0
        while start < len(raw):
            # A record: its length, a checksum of that, the event, a checksum of it.
            (length,) = struct.unpack_from("<Q", raw, start)
            event = Event.FromString(raw[start + 12 : start + 12 + length])
            start += 12 + length + 4
            yield from ((value.tag, event.step, value.simple_value) for value in event.summary.value)
