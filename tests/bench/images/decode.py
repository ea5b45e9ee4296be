# SPDX-License-Identifier: Apache-2.0
"""CPU time from a body to both views: ours beside Pillow, in turn, file by file."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.images.pictures import Kind, files

ROOT = Path(__file__).parents[3]
#: Freed memory is kept instead of being mapped anew for every picture: a third of Pillow's time otherwise.
TUNED = {"MALLOC_MMAP_THRESHOLD_": "1073741824", "MALLOC_TRIM_THRESHOLD_": "4294967296"}
NAMES = ("JPEG", "progressive", "PNG", "WEBP", "AVIF")
SIZES = ((500, 500), (1000, 1000), (1000, 1333), (1600, 1600), (3000, 3000))
BARS = (Kind(1000, 1333, "JPEG", 127_000), Kind(1000, 1333, "JPEG", 80_000))
#: Each file of a row is decoded so often, after once that is not counted.
PASSES = 5
BAR_FILES = 50
OTHER_FILES = 4


@dataclass(frozen=True, slots=True)
class Arm:
    """A way, and the environment that its process has."""

    name: str
    is_tuned: bool = True

    @property
    def title(self) -> str:
        return f"{self.name}, tuned" if self.is_tuned else self.name


OURS = Arm("ours", is_tuned=False)
JPEG_ARMS = (OURS, Arm("ours"), Arm("Pillow full"), Arm("Pillow draft"))
ARMS = (OURS, Arm("ours"), Arm("Pillow full"))


def measure(bodies: list[bytes], arms: tuple[Arm, ...]) -> dict[Arm, list[float]]:
    """CPU milliseconds of each decode."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        paths = []
        for number, body in enumerate(bodies):
            paths.append(Path(folder, str(number)))
            paths[-1].write_bytes(body)
        processes = {arm: stack.enter_context(_process(arm)) for arm in arms}
        taken: dict[Arm, list[float]] = {arm: [] for arm in arms}
        for number in range(1 + PASSES):
            for path in paths:
                for arm, process in processes.items():
                    milliseconds = 1000 * _ask(process, path)
                    if number:
                        taken[arm].append(milliseconds)
    return taken


def _process(arm: Arm) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bench.images.arms", arm.name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **(TUNED if arm.is_tuned else {})},
    )


def _ask(process: subprocess.Popen[str], path: Path) -> float:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{path}\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def report() -> None:
    """Measure all rows, which takes some ten minutes, and print the table."""
    rows = [(kind, BAR_FILES) for kind in BARS]
    rows += [(Kind(*size, name), OTHER_FILES) for name in NAMES for size in SIZES]
    table = Table("file", "kB", "n", *(arm.title for arm in JPEG_ARMS), title="CPU ms: median (p10-p90)")
    console = Console(width=120)
    with console.status("") as status:
        for kind, count in rows:
            status.update(f"{kind.name} {kind.width}x{kind.height}")
            table.add_row(*_row(kind, files(kind, count)))
    console.print(table)


def _row(kind: Kind, bodies: list[bytes]) -> list[str]:
    taken = measure(bodies, JPEG_ARMS if kind.name in {"JPEG", "progressive"} else ARMS)
    sizes = [len(body) / 1000 for body in bodies]
    return [
        f"{kind.name} {kind.width}x{kind.height}",
        f"{min(sizes):.0f}-{max(sizes):.0f}",
        str(len(bodies) * PASSES),
        *(spread(taken[arm]) if arm in taken else "" for arm in JPEG_ARMS),
    ]


def spread(values: list[float], digits: int = 2) -> str:
    """Median, tenth and ninetieth percentile."""
    tenths = statistics.quantiles(values, n=10)
    return f"{statistics.median(values):.{digits}f} ({tenths[0]:.{digits}f}-{tenths[-1]:.{digits}f})"
