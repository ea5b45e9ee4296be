# SPDX-License-Identifier: Apache-2.0
"""CPU time of a fetched image: ours with all checks beside an aiohttp session with none, in turn, in one process."""

from __future__ import annotations

import asyncio
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from consumer.kafka.event_loop import EventLoopThread
from consumer.settings import ImageSettings
from tests.bench.images.clients import NAME, ours, unchecked
from tests.bench.images.decode import ROOT, spread
from tests.bench.images.pictures import Kind, files
from tests.support.tls import certify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.images.clients import Get

PICTURE = Kind(1000, 1333, "JPEG", 98_000)
WAYS = (("http", "kept"), ("https", "kept"), ("http", "new"), ("https", "new"))
#: In turn, each with so many images for either client, after one that is not counted: the machine's pace changes by the
#: second, and what is compared has to lie near together.
ROUNDS = 50
IMAGES = 200
#: A figure for each so many.
BATCH = 100


@dataclass(slots=True)
class Taken:
    """What a client's images took."""

    cpu_us: list[float] = field(default_factory=list)
    """Each, in each batch; of the client's process."""
    per_s: list[float] = field(default_factory=list)
    server_cpu_s: float = 0.0
    connections: int = 0

    @property
    def images(self) -> int:
        return len(self.cpu_us) * BATCH


class Server:
    """`server.py` with its picture and certificate in `folder`."""

    def __init__(self, folder: Path) -> None:
        (folder / "picture.jpg").write_bytes(files(PICTURE, 1)[0])
        certify(folder, NAME)
        self.ca_file = folder / "cert.pem"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.images.server", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.pid = self._process.pid
        self.ports = dict(zip(("http", "https"), map(int, self._line()), strict=True))

    def told(self) -> tuple[float, int]:
        """CPU seconds and connections so far."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        cpu_s, connections = self._line()
        return float(cpu_s), int(connections)

    def close(self) -> None:
        """Wait for its end."""
        self._process.communicate()

    def _line(self) -> list[str]:
        assert self._process.stdout is not None
        return self._process.stdout.readline().split()


async def measure(server: Server) -> list[tuple[Taken, Taken]]:
    """Ours and the other, for each of `WAYS`."""
    taken = {way: (Taken(), Taken()) for way in WAYS}
    async with AsyncExitStack() as stack:
        ports = list(server.ports.values())
        clients = [
            await stack.enter_async_context(ours(ports, server.ca_file)),
            await stack.enter_async_context(unchecked(server.ca_file)),
        ]
        for (scheme, connections), both in taken.items():
            place = f"{scheme}://{NAME}:{server.ports[scheme]}/{connections}"
            for number, (get, into) in itertools.product(range(1 + ROUNDS), zip(clients, both, strict=True)):
                await _round(server, get, f"{place}/{number}", into if number else Taken())
    return list(taken.values())


async def _round(server: Server, get: Get, place: str, taken: Taken) -> None:
    size_bytes = (server.ca_file.parent / "picture.jpg").stat().st_size
    marks: list[tuple[float, float]] = []

    def numbers() -> Iterator[int]:
        for number in range(IMAGES):
            if number % BATCH == 0:
                marks.append((time.process_time(), time.perf_counter()))
            yield number

    async def work() -> None:
        for number in images:
            assert await get(f"{place}/{number}.jpg") == size_bytes

    images = numbers()
    cpu_s, connections = server.told()
    async with asyncio.TaskGroup() as group:
        for _ in range(ImageSettings().in_flight_per_host):
            group.create_task(work())
    marks.append((time.process_time(), time.perf_counter()))
    for before, after in itertools.pairwise(marks):
        taken.cpu_us.append(1e6 * (after[0] - before[0]) / BATCH)
        taken.per_s.append(BATCH / (after[1] - before[1]))
    cpu_s_after, connections_after = server.told()
    taken.server_cpu_s += cpu_s_after - cpu_s
    taken.connections += connections_after - connections


def _by_round(taken: Taken) -> list[float]:
    """CPU time of each round."""
    batches = IMAGES // BATCH
    return [sum(taken.cpu_us[start : start + batches]) for start in range(0, len(taken.cpu_us), batches)]


@contextmanager
def _apart(server: Server) -> Iterator[None]:
    """Both on a core of their own, where there are two and the system lets us choose."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if len(cores) > 1:
        first, second, *_ = sorted(cores)
        os.sched_setaffinity(0, {first})
        os.sched_setaffinity(server.pid, {second})
    try:
        yield
    finally:
        if len(cores) > 1:
            os.sched_setaffinity(0, cores)


def report() -> None:
    """Measure all rows and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        with _apart(server), EventLoopThread("fetch") as loop:
            rows = loop.run(measure(server))
        server.close()
    title = "Fetching: CPU microseconds of the client per JPEG of 98 kB, median (p10-p90)"
    table = Table("connections", "n", "ours", "aiohttp", "ratio", "per second", "reused", "server's CPU", title=title)
    for (scheme, connections), both in zip(WAYS, rows, strict=True):
        ratios = [mine / other for mine, other in zip(*map(_by_round, both), strict=True)]
        table.add_row(
            f"{scheme}, {connections}",
            f"2 x {both[0].images}",
            *(spread(taken.cpu_us, 0) for taken in both),
            f"{spread(ratios, 2)}",
            " / ".join(f"{statistics.median(taken.per_s):.0f}" for taken in both),
            " / ".join(f"{1 - taken.connections / taken.images:.1%}" for taken in both),
            " / ".join(f"{1e6 * taken.server_cpu_s / taken.images:.0f}" for taken in both),
        )
    Console(width=120).print(table)
