# SPDX-License-Identifier: Apache-2.0
"""The keeper: a small process that owns one part, so that nothing of the part outlives its owner.

Run by path, with the standard library only, so that it starts in some 30 ms. Its standard input is the lifeline: one
line of JSON says what to run; after it, an end of file means that the owner is gone, crashed or not, and a byte means
that the owner let the part go on without it. Its standard output tells the process ids at the start, the exit status at
the end, and closes when nothing is left.

Every process of the part carries the start's token in its environment, whatever session or group it moved to, and the
token is the prefix of its shared-memory segments: `clean` finds them all and never hits a stranger.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MARK = "KEPT_BY_HANGTAG"
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - the kernel's folder of POSIX shared memory, not a temporary file
CLEAN_LIMIT_S = 10.0
RELEASE = b"r"

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def start_time(pid: int) -> int | None:
    """When a living process started, in clock ticks after boot; None for one that is gone or waits to be reaped."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat[stat.rindex(")") + 2 :].split()
    return None if state in "ZX" else int(fields[18])


def clean(token: str, after_kill: Callable[[], None] = lambda: None) -> None:
    """Kill every process that carries `token` and remove its shared memory. Nothing to do is fine."""
    deadline = time.monotonic() + CLEAN_LIMIT_S
    while (pids := _marked(token)) and time.monotonic() < deadline:
        for pid in pids:
            _kill(pid)
        time.sleep(0.01)
        after_kill()
    for segment in SHARED_MEMORY.glob(f"{token}*"):
        segment.unlink(missing_ok=True)


def _marked(token: str) -> list[int]:
    mark = f"{MARK}={token}".encode()
    return [
        int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and mark in _environment(entry)
    ]


def _environment(process: Path) -> list[bytes]:
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:  # gone meanwhile, or somebody else's
        return []


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _reap_orphans() -> None:
    """Collect what the kernel handed to the keeper when its own parent died."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return


def _keep(spec: dict[str, Any]) -> None:
    """Run the part until it ends, the owner is gone, or a signal says stop; then leave nothing behind."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)  # orphans of the part come to us, not to init
    wakeup = _catch_signals()
    os.chdir("/")  # the owner's folder may go
    with Path(spec["log"]).open("ab", buffering=0) as log:
        os.dup2(log.fileno(), 2)
        try:
            child = _spawn(spec, log)
        except OSError as error:
            _report({"error": str(error)})
            return
        _report({"keeper": _identity(os.getpid()), "server": _identity(child.pid)})
        _wait(child, wakeup)
        _stop(child, spec["stop_s"])
        clean(spec["token"], after_kill=_reap_orphans)
        log.write(f"keeper: the process ended with status {child.returncode}\n".encode())
        _report({"status": child.returncode})


def _catch_signals() -> int:
    """Descriptor that becomes readable on a stop signal or the end of a child."""
    readable, writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writable)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    return readable


def _spawn(spec: dict[str, Any], log: Any) -> subprocess.Popen[bytes]:
    keeper = os.getpid()

    def die_with_keeper() -> None:
        # Should the keeper itself be killed, the part gets a SIGTERM and ends by itself.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != keeper:
            os._exit(1)

    return subprocess.Popen(  # noqa: S603 - the owner's command
        spec["command"],
        cwd=spec["folder"],
        env=os.environ | spec["environment"] | {MARK: spec["token"]},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=die_with_keeper,  # noqa: PLW1509 - the keeper has one thread
    )


def _identity(pid: int) -> dict[str, int]:
    return {"pid": pid, "started": start_time(pid) or 0}


def _report(answer: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):  # an owner that let the part go does not listen any more
        os.write(1, json.dumps(answer).encode() + b"\n")


def _wait(child: subprocess.Popen[bytes], wakeup: int) -> None:
    watched = [wakeup, 0]
    while child.poll() is None:
        readable, _, _ = select.select(watched, [], [])
        if wakeup in readable and set(os.read(wakeup, 1024)) - {signal.SIGCHLD}:
            return
        if 0 in readable:
            if os.read(0, 1) != RELEASE:
                return
            watched = [wakeup]


def _stop(child: subprocess.Popen[bytes], stop_s: float) -> None:
    child.terminate()
    try:
        child.wait(stop_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def main() -> None:
    """Detach from the parent, which then has no child to reap, and keep what the first line of the lifeline names."""
    if os.fork():
        os._exit(0)
    # Unbuffered: the bytes after the line belong to the lifeline.
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            return
        line += byte
    _keep(json.loads(line))


if __name__ == "__main__":
    main()
