# SPDX-License-Identifier: Apache-2.0
"""Rounds in figures: medians, the spread, and each held against the arm without a bad host in the same round."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.bench.hosts.arms import Arm, Load
    from tests.bench.hosts.measure import Found

_HEAD = ("second host", "good products that came", "good/s", "/ none", "age, median, ms", "/ none", "p95, ms", "/ none")


class _Column(NamedTuple):
    value: Callable[[Found], float]
    form: str


_COLUMNS = (
    _Column(lambda found: found.per_second, ".1f"),
    _Column(lambda found: found.median_s * 1000, ",.0f"),
    _Column(lambda found: found.p95_s * 1000, ",.0f"),
)


def line(load: Load, arm: Arm, found: Found) -> str:
    """One arm of one round."""
    figures = (f"{column.value(found):{column.form}}" for column in _COLUMNS)
    return "{}, {}: {} good products, {}/s, age median {} ms, p95 {} ms".format(load, arm, _came([found]), *figures)


def table(load: Load, rounds: list[dict[Arm, Found]]) -> Iterator[str]:
    """In Markdown; the first arm of a round is the one that the others are held against."""
    of_what = f"medians of {len(rounds)} rounds (lowest-highest)" if len(rounds) > 1 else "one round"
    yield f"{load}; {of_what}"
    yield ""
    yield f"| {' | '.join(_HEAD)} |"
    yield "|---" * len(_HEAD) + "|"
    first = next(iter(rounds[0]))
    for arm in rounds[0]:
        found = [arms[arm] for arms in rounds]
        cells = [str(arm), _came(found)]
        for value, form in _COLUMNS:
            values = [value(one) for one in found]
            ratios = [mine / value(arms[first]) for mine, arms in zip(values, rounds, strict=True)]
            cells += [_cell(values, form), _cell(ratios, ".2f")]
        yield f"| {' | '.join(cells)} |"


def _came(found: list[Found]) -> str:
    came, all_ = sum(one.came for one in found), sum(one.came + one.missing for one in found)
    lost = sum(one.lost for one in found)
    return f"{came:,} of {all_:,}" + (f" ({lost:,} without their photo)" if lost else "")


def _cell(values: list[float], form: str) -> str:
    middle = f"{statistics.median(values):{form}}"
    return middle if len(values) == 1 else f"{middle} ({min(values):{form}}-{max(values):{form}})"
