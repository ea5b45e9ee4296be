# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gc
import threading
import weakref

import pytest

from consumer.kafka.waiting import within


class Client:
    def call(self) -> None:
        raise ValueError("no")


def test_an_answer_in_time_is_an_answer() -> None:
    done = []

    within(10, lambda: done.append(1))

    assert done == [1]


def test_a_call_that_goes_on_is_given_up() -> None:
    end = threading.Event()

    with pytest.raises(TimeoutError):
        within(0.01, lambda: (end.wait(10), None)[1])

    end.set()


def test_a_call_that_failed_holds_nothing() -> None:
    gc.disable()
    try:
        client = Client()
        gone = weakref.ref(client)
        with pytest.raises(ValueError, match="no"):
            within(10, client.call)
        del client
        assert gone() is None
    finally:
        gc.enable()
