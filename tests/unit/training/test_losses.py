# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import torch

from triton_models.training.losses import admissible_loss, summed_loss

LOGITS = torch.tensor([[2.0, 1.0, 0.0, -1.0]])
PROBABILITY = LOGITS.softmax(1)[0]


def right(*columns: int) -> torch.Tensor:
    row = torch.zeros((1, 4), dtype=torch.bool)
    row[0, list(columns)] = True
    return row


def test_one_right_answer_gives_cross_entropy() -> None:
    loss = admissible_loss(LOGITS, right(1), smoothing=0.0)

    torch.testing.assert_close(loss, -PROBABILITY[1].log()[None])


def test_a_label_of_an_inner_node_asks_for_the_summed_mass_below_it() -> None:
    loss = admissible_loss(LOGITS, right(1, 2), smoothing=0.0)

    torch.testing.assert_close(loss, -(PROBABILITY[1] + PROBABILITY[2]).log()[None])


def test_a_missing_label_costs_nothing_and_pulls_nowhere() -> None:
    logits = LOGITS.clone().requires_grad_()
    loss = admissible_loss(logits, right(), smoothing=0.1).sum()
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped

    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_smoothing_keeps_the_best_answer_from_being_certain() -> None:
    certain, doubtful = torch.tensor([[40.0, 0, 0, 0]]), torch.tensor([[4.0, 0, 0, 0]])

    assert admissible_loss(certain, right(0), 0.05) > admissible_loss(doubtful, right(0), 0.05)


def test_tasks_are_summed_and_products_averaged() -> None:
    logits, labels = LOGITS.repeat(3, 1), torch.cat([right(0), right(1), right()])
    one = admissible_loss(logits, labels, 0.0).mean()

    torch.testing.assert_close(summed_loss([logits, logits], [labels, labels], 0.0), 2 * one)


def test_a_row_counts_for_the_weight_of_its_right_column_or_the_mean_of_several() -> None:
    weights = torch.tensor([1.0, 2.0, 4.0, 8.0])

    for columns, weight in (((1,), 2.0), ((2, 3), 6.0)):
        loss = summed_loss([LOGITS], [right(*columns)], 0.05)
        torch.testing.assert_close(summed_loss([LOGITS], [right(*columns)], 0.05, [weights]), weight * loss)
    assert summed_loss([LOGITS], [right()], 0.05, [weights]) == 0


def test_weights_of_one_change_nothing() -> None:
    logits, labels = LOGITS.repeat(3, 1), torch.cat([right(0), right(1, 2), right()])

    weighed = summed_loss([logits, logits], [labels, labels], 0.05, [torch.ones(4)] * 2)
    torch.testing.assert_close(weighed, summed_loss([logits, logits], [labels, labels], 0.05))
