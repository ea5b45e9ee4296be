# SPDX-License-Identifier: Apache-2.0
"""What one bad image host does to products that have no picture there: `make bench-hosts`.

The real loop on a real broker with the real second stage. Every product has two pictures; of every second one the
second picture is on the bad host. Ages are those of an open loop, from the moment for which an event was scheduled to
the one at which a reader of committed records has its output, from the very first event on.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from consumer.local.kafka import KafkaPart
from consumer.local.ports import PortBook
from consumer.local.starting import Starting
from tests.bench.hosts.arms import BAD, NONE, Arm, Load, Manner, arms_of
from tests.bench.hosts.measure import WARM_UP_S, Found, Task, measure
from tests.bench.hosts.report import line, table
from tests.bench.product import photo

if TYPE_CHECKING:
    from collections.abc import Callable

Number = TypeVar("Number", int, float)

SIZE = (600, 800)
#: Of an arm beside its load: topics, hosts, the worker's end.
_AROUND_S = WARM_UP_S + 4
#: Products a second of a backlog, for the estimate alone: two cores in a quiet hour.
_PACE = 80
#: Every second one is good, and of one alone there is no spread.
_MIN_PRODUCTS = 3


def main() -> None:
    """All arms in turn, round after round, first of the paced load, then of the backlog."""
    options = _parser().parse_args()
    arms = arms_of(options.arms, has_control=options.control)
    loads = _loads(options)
    _say(f"about {minutes(loads, arms, options.rounds, options.rest):.0f} minutes")
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        picture = state / "photo.jpg"
        picture.write_bytes(photo(*SIZE))
        print(f"photos of {SIZE[0]}x{SIZE[1]}, {picture.stat().st_size:,} bytes")
        with Starting(KafkaPart(state, _say), PortBook(state / "ports.json")) as starting:
            servers = starting.wait().bootstrap_servers
            for load in loads:
                task = Task(servers, picture, load, options.rest)
                rounds = [_round(task, arms) for _ in range(options.rounds)]
                print("", *table(load, rounds), sep="\n", flush=True)


def _round(task: Task, arms: list[Arm]) -> dict[Arm, Found]:
    found: dict[Arm, Found] = {}
    for arm in arms:
        found[arm] = measure(task, arm)
        _say(line(task.load, arm, found[arm]))
    return found


def minutes(loads: list[Load], arms: list[Arm], rounds: int, rest_s: float) -> float:
    """How long it takes when the bad host does nothing to the others, and all that it can where protection is off."""
    waits_s = sum(rest_s if arm.is_control else 0.0 for arm in arms) * len(loads)
    works_s = sum(load.seconds or load.products / _PACE for load in loads)
    return rounds * (len(arms) * (works_s + len(loads) * _AROUND_S) + waits_s) / 60


def _loads(options: argparse.Namespace) -> list[Load]:
    """Without those that are left out. Exits with 2 when nothing is left, and for one of which nothing can be said."""
    both = Load(options.rate, round(options.rate * options.seconds)), Load(0.0, options.backlog)
    loads = [load for load in both if load.products]
    if few := [load for load in loads if load.products < _MIN_PRODUCTS]:
        _parser().error(f"{few[0]} has {few[0].products} products: {_MIN_PRODUCTS} at least")
    if not loads:
        _parser().error("--seconds 0 and --backlog 0 leave nothing to measure")
    return loads


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m tests.bench.hosts", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--arms", type=_manners, default=list(BAD), help=f"bad hosts, of {','.join(BAD)}; all unless told")
    add("--control", action="store_true", help="measure each bad host a second time with the protection off")
    add("--rounds", type=_from(1, int), default=3, help="of all arms in turn (%(default)s)")
    add("--rate", type=_from(0.001, float), default=40.0, help="products a second of the paced load (%(default)g)")
    add(
        "--seconds",
        type=_from(0, float),
        default=90.0,
        help="of the paced load in each arm; 0 leaves it out (%(default)g)",
    )
    add(
        "--backlog",
        type=_from(0, int),
        default=4_000,
        help="products of the backlog in each arm; 0 leaves it out (%(default)s)",
    )
    add(
        "--rest",
        type=_from(0, float),
        default=120.0,
        help="seconds to wait after the last product was due (%(default)g)",
    )
    parser.epilog = _epilog(parser.parse_args([]))
    return parser


def _epilog(defaults: argparse.Namespace) -> str:
    loads = [Load(defaults.rate, round(defaults.rate * defaults.seconds)), Load(0.0, defaults.backlog)]
    plain, both = (
        minutes(loads, arms_of(defaults.arms, has_control=has), defaults.rounds, defaults.rest) for has in (False, True)
    )
    about = "\n".join(f"  {manner:<8}{what}" for manner, what in {Manner.NONE: NONE, **BAD}.items())
    return (
        f"arms, in the order of a round:\n{about}\n\n"
        "A control has images.slow_host_s and images.breaker_failures so high that no host is slow and none is left\n"
        "alone: it shows that this bench can fail, with --seconds of 60 or more: what waits has to fill the engine.\n"
        "A product that has not come when --rest is over counts as old as it is then.\n\n"
        f"With the defaults it takes about {plain:.0f} minutes, with --control {both:.0f}.\n\n"
        "example: python -m tests.bench.hosts --arms silent --control --rounds 1 --seconds 60 --rest 20 --backlog 0"
    )


def _from(least: float, kind: type[Number]) -> Callable[[str], Number]:
    def number(text: str) -> Number:
        value = kind(text)
        if not least <= value < math.inf:
            raise argparse.ArgumentTypeError(f"{text} is not {least:g} or more")
        return value

    number.__name__ = kind.__name__  # argparse names it where the text is no number
    return number


def _manners(text: str) -> list[Manner]:
    """Of `silent,drip`."""
    names = text.split(",")
    if unknown := [name for name in names if name not in BAD]:
        raise argparse.ArgumentTypeError(f"no bad host is called {unknown[0]!r}; there are {', '.join(BAD)}")
    return [manner for manner in BAD if manner in names]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
