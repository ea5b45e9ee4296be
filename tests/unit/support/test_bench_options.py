# SPDX-License-Identifier: Apache-2.0
"""What `make bench-hosts` refuses before it starts anything."""

from __future__ import annotations

import pytest

from tests.bench.hosts.__main__ import _loads, _parser


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("--rounds 0", "argument --rounds: 0 is not 1 or more"),
        ("--rate -1", "argument --rate: -1 is not 0.001 or more"),
        ("--rate 0", "argument --rate: 0 is not 0.001 or more"),
        ("--rate nan", "argument --rate: nan is not 0.001 or more"),
        ("--seconds -1", "argument --seconds: -1 is not 0 or more"),
        ("--rest inf", "argument --rest: inf is not 0 or more"),
        ("--backlog 1.5", "argument --backlog: invalid int value: '1.5'"),
        ("--backlog 2", "backlog of 2 has 2 products: 3 at least"),
        ("--seconds 0 --backlog 0", "--seconds 0 and --backlog 0 leave nothing to measure"),
    ],
)
def test_a_number_that_cannot_be_measured_is_refused_at_the_start(
    options: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        _loads(_parser().parse_args(options.split()))

    assert refused.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"error: {complaint}")


def test_a_load_of_nothing_is_left_out() -> None:
    (paced,) = _loads(_parser().parse_args(["--backlog", "0"]))

    assert (paced.per_second, paced.products) == (40.0, 3_600)
