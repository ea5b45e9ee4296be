# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from structlog.testing import capture_logs

from consumer.events import FetchReason
from consumer.images.decode_pool import DecodedBody, DecodePool
from consumer.images.pixels import views
from consumer.images.sandbox import Sandbox
from consumer.images.sniff import ImageFormat, ImageHeader, read_header
from consumer.observability.metrics import Metrics
from consumer.settings import ImageSettings
from tests.integration.images.decoded import SIDE, decoded, distance, pixels
from tests.support.wait import wait_until
from tests.unit.images.drawn import encoded, exif, jpeg, shirt, with_item_size

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.image_rule(12)

AVIF = encoded(shirt(400, 300), "AVIF", speed=10)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(ImageSettings(decode_timeout_s=30))
    yield made
    made.close()


def test_the_process_gives_the_same_views_as_the_function(sandbox: Sandbox) -> None:
    header = read_header(AVIF)
    assert isinstance(header, ImageHeader)

    assert np.array_equal(pixels(sandbox.views(AVIF, SIDE)), views(AVIF, header, SIDE))
    assert pixels(sandbox.views(AVIF, 224)).shape == (2, 224, 224, 3)


def test_the_pool_decodes_avif_and_counts_it() -> None:
    metrics = Metrics()

    answer = decoded(AVIF, metrics)

    assert pixels(answer.views).shape == (2, SIDE, SIDE, 3)
    assert answer.header == ImageHeader(ImageFormat.AVIF, 400, 300)
    count = metrics.registry.get_sample_value(
        "hangtag_image_decode_seconds_count", {"format": "avif", "path": "fallback"}
    )
    assert count == 1


@pytest.mark.parametrize("length", [len(AVIF), 100], ids=["whole", "cut"])
def test_avif_can_be_switched_off(length: int) -> None:
    answer = decoded(AVIF[:length], Metrics(), avif_bytes=0)

    assert answer.views is FetchReason.UNSUPPORTED_FORMAT
    assert answer.header is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_rotation_of_the_container_gives_the_upright_views(sandbox: Sandbox, orientation: int) -> None:
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's Transpose that EXIF's reader takes back
    stored = shirt(400, 300) if orientation == 1 else shirt(400, 300).transpose(Image.Transpose(undo[orientation]))
    turned = encoded(stored, "AVIF", speed=10, quality=95, exif=exif(orientation))
    upright = encoded(shirt(400, 300), "AVIF", speed=10, quality=95)

    assert distance(pixels(sandbox.views(turned, SIDE)), pixels(sandbox.views(upright, SIDE))) < 1.5


def test_alpha_lies_on_white_and_an_animation_is_its_first_frame(sandbox: Sandbox) -> None:
    clear = encoded(Image.new("RGBA", (64, 64), (0, 0, 0, 0)), "AVIF")
    black, red = (Image.new("RGB", (64, 64), colour) for colour in ("black", "red"))

    assert pixels(sandbox.views(clear, SIDE)).min() == 255
    assert pixels(sandbox.views(encoded(black, "AVIF", save_all=True, append_images=[red]), SIDE))[1].max() <= 2


def test_the_process_is_started_for_the_first_file_and_kept(sandbox: Sandbox) -> None:
    assert sandbox.pid is None

    pids = {sandbox.pid for _ in range(5) if sandbox.views(AVIF, SIDE) is not None}
    sandbox.close()

    (pid,) = pids
    assert pid is not None
    assert sandbox.pid is None
    assert not Path(f"/proc/{pid}").exists()


def test_a_process_that_ended_is_replaced(sandbox: Sandbox) -> None:
    first = pixels(sandbox.views(AVIF, SIDE))
    pid = sandbox.pid
    assert pid is not None

    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    assert np.array_equal(pixels(sandbox.views(AVIF, SIDE)), first)
    assert sandbox.pid != pid


def test_a_file_that_takes_too_long_is_undecodable_and_costs_the_process() -> None:
    sandbox = Sandbox(ImageSettings(decode_timeout_s=2))
    try:
        first = pixels(sandbox.views(AVIF, SIDE))
        pid = sandbox.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        with capture_logs() as logs:
            assert sandbox.views(AVIF, SIDE) is FetchReason.UNDECODABLE

        assert [(line["event"], line["exit_code"]) for line in logs] == [("image_sandbox_lost", -signal.SIGKILL)]
        assert not Path(f"/proc/{pid}").exists()
        assert np.array_equal(pixels(sandbox.views(AVIF, SIDE)), first)
    finally:
        sandbox.close()


def test_while_one_avif_takes_long_other_formats_are_decoded() -> None:
    async def decode_both(pool: DecodePool) -> tuple[DecodedBody, DecodedBody]:
        await pool.decode(AVIF, SIDE, "acme")
        pid = pool._sandbox.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        slow = asyncio.create_task(pool.decode(AVIF, SIDE, "acme"))
        quick = [await pool.decode(jpeg(shirt(64, 80)), SIDE, "acme") for _ in range(3)]
        assert not slow.done()
        os.kill(pid, signal.SIGCONT)
        return quick[-1], await slow

    pool = DecodePool(ImageSettings(decode_threads=1, decode_timeout_s=60), Metrics())
    try:
        quick, slow = asyncio.run(decode_both(pool))
    finally:
        pool.close()

    assert isinstance(quick.views, np.ndarray)
    assert isinstance(slow.views, np.ndarray)


def test_a_file_that_wants_too_much_memory_is_undecodable_and_the_next_one_is_not() -> None:
    large = encoded(Image.new("L", (5000, 4000)), "AVIF", speed=10)
    sandbox = Sandbox(ImageSettings(avif_bytes=200 << 20, decode_timeout_s=30))
    try:
        assert sandbox.views(large, SIDE) is FetchReason.UNDECODABLE
        pid = sandbox.pid
        assert pixels(sandbox.views(AVIF, SIDE)).shape == (2, SIDE, SIDE, 3)
        assert sandbox.pid == pid
    finally:
        sandbox.close()


def test_a_stream_larger_than_its_header_says_is_held_by_the_process() -> None:
    lying = with_item_size(encoded(Image.new("L", (5000, 4000)), "AVIF", speed=10), 64, 48)
    assert read_header(lying) == ImageHeader(ImageFormat.AVIF, 64, 48)
    limit = 200 << 20
    sandbox = Sandbox(ImageSettings(avif_bytes=limit, decode_timeout_s=30))
    try:
        sandbox.views(lying, SIDE)  # whether it has views is libavif's business: it may scale them to the size claimed
        status = Path(f"/proc/{sandbox.pid}/status").read_text()
        assert pixels(sandbox.views(AVIF, SIDE)).shape == (2, SIDE, SIDE, 3)
    finally:
        sandbox.close()

    (peak_kib,) = (int(line.split()[1]) for line in status.splitlines() if line.startswith("VmPeak"))
    assert peak_kib <= limit >> 10


@pytest.mark.parametrize("tenths", range(1, 10))
def test_a_file_cut_anywhere_is_truncated(tenths: int) -> None:
    assert decoded(AVIF[: len(AVIF) * tenths // 10], Metrics()).views is FetchReason.TRUNCATED


def test_data_that_is_no_av1_is_undecodable(sandbox: Sandbox) -> None:
    start = AVIF.index(b"mdat") + 4

    assert sandbox.views(AVIF[:start] + bytes(len(AVIF) - start), SIDE) is FetchReason.UNDECODABLE
    assert sandbox.views(b"no picture at all", SIDE) is FetchReason.UNDECODABLE
    assert pixels(sandbox.views(AVIF, SIDE)).shape == (2, SIDE, SIDE, 3)


@pytest.mark.parametrize("interpreter", ["/nowhere/python", "/bin/false", ""])
def test_where_no_process_can_be_had_avif_is_undecodable(monkeypatch: pytest.MonkeyPatch, interpreter: str) -> None:
    monkeypatch.setattr(sys, "executable", interpreter)

    with capture_logs() as logs:
        assert decoded(AVIF, Metrics()).views is FetchReason.UNDECODABLE

    assert [line["event"] for line in logs] == ["image_sandbox_lost"]


def test_too_little_memory_to_start_in_is_undecodable() -> None:
    sandbox = Sandbox(ImageSettings().model_copy(update={"avif_bytes": 1}))  # as where it takes more than was measured
    try:
        assert sandbox.views(AVIF, SIDE) is FetchReason.UNDECODABLE
    finally:
        sandbox.close()


def test_the_process_inherits_no_secret_and_no_file(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANGTAG_TRITON__READ_KEY", "secret")
    with socket.socket() as ours:
        ours.set_inheritable(True)
        sandbox.views(AVIF, SIDE)

        process = Path(f"/proc/{sandbox.pid}")
        names = {entry.split("=")[0] for entry in (process / "environ").read_text().split("\0") if entry}
        files = {entry.name for entry in (process / "fd").iterdir()}

    assert names == {"OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX"}
    assert files == {"0", "1", "2"}
    assert len(list((process / "task").iterdir())) == 1


TRIES = """
import mmap, socket
from consumer.images.sandbox_process import confine
confine(1 << 30, may_start_threads=False)
for attempt in (socket.socket, lambda: open('/etc/passwd'), lambda: mmap.mmap(-1, 2 << 30), socket.socketpair):
    try:
        attempt()
    except (OSError, MemoryError) as error:
        print(type(error).__name__)
    else:
        print('done')
"""


def test_the_confined_process_opens_no_socket_and_no_file() -> None:
    tried = subprocess.run([sys.executable, "-c", TRIES], capture_output=True, text=True, check=True)

    assert tried.stdout.split() == ["OSError"] * 4


CLOSED = """
import ctypes, sys
from consumer.images.sandbox import Sandbox
from consumer.settings import ImageSettings
is_dumpable = lambda: ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
sandbox = Sandbox(ImageSettings())
before = is_dumpable()
sandbox.views(open(sys.argv[1], 'rb').read(), 64)
print(before, is_dumpable())
sandbox.close()
"""


def test_the_consumers_memory_is_closed_to_other_processes_of_its_user(tmp_path: Path) -> None:
    """Linux asks for this flag before it lets one process read or write another's memory; root may do it anyway."""
    file = tmp_path / "a.avif"
    file.write_bytes(AVIF)

    closed = subprocess.run([sys.executable, "-c", CLOSED, file], capture_output=True, text=True, check=True)

    assert closed.stdout.split() == ["1", "0"]


KILLED = """
import os, sys
from consumer.images.sandbox import Sandbox
from consumer.settings import ImageSettings
sandbox = Sandbox(ImageSettings())
sandbox.views(open(sys.argv[1], 'rb').read(), 64)
print(sandbox.pid, flush=True)
os.kill(os.getpid(), 9)
"""


def test_the_process_ends_with_a_consumer_that_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "a.avif"
    file.write_bytes(AVIF)
    killed = subprocess.run([sys.executable, "-c", KILLED, file], capture_output=True, text=True, check=False)

    assert killed.returncode == -signal.SIGKILL
    wait_until(lambda: not _runs(int(killed.stdout)), 30, "the end of the process")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""  # empty while it only waits to be reaped
    except FileNotFoundError:
        return False
