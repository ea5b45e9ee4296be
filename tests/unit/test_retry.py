# SPDX-License-Identifier: Apache-2.0
from consumer.retry import Backoff, Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def upper(_low: float, high: float) -> float:
    return high


def test_waits_double_from_the_first_up_to_the_cap() -> None:
    backoff = Backoff(first_s=0.5, cap_s=3.0, uniform=upper)

    assert [backoff.wait_s(attempt) for attempt in (0, 1, 2, 3, 1000)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_a_wait_is_drawn_between_zero_and_the_bound() -> None:
    waits = [Backoff(first_s=1.0).wait_s(2) for _ in range(200)]

    assert min(waits) >= 0.0
    assert max(waits) <= 4.0
    assert len(set(waits)) > 100


def test_the_breaker_opens_after_the_limit_and_lets_one_trial_through_after_the_pause() -> None:
    clock = Clock()
    breaker = Breaker(failures=3, first_s=1.0, cap_s=30.0, clock=clock)

    for _ in range(2):
        breaker.failed()
    assert breaker.wait_s() == 0.0
    breaker.failed()

    assert breaker.is_open
    assert breaker.wait_s() == 1.0
    clock.now = 1.0
    assert breaker.wait_s() == 0.0
    assert breaker.wait_s() > 0.0


def test_a_failed_trial_doubles_the_pause_and_a_success_closes() -> None:
    clock = Clock()
    breaker = Breaker(failures=1, first_s=1.0, cap_s=3.0, clock=clock)

    breaker.failed()
    pauses = []
    for _ in range(4):
        pauses.append(breaker.wait_s())
        clock.now += pauses[-1]
        assert breaker.wait_s() == 0.0
        breaker.failed()
    breaker.succeeded()

    assert pauses == [1.0, 2.0, 3.0, 3.0]
    assert not breaker.is_open
    assert breaker.wait_s() == 0.0


def test_an_abandoned_trial_makes_room_for_another() -> None:
    clock = Clock()
    breaker = Breaker(failures=1, first_s=1.0, clock=clock)
    breaker.failed()
    clock.now = 1.0

    assert breaker.wait_s() == 0.0
    breaker.abandoned()

    assert breaker.wait_s() == 0.0
