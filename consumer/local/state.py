# SPDX-License-Identifier: Apache-2.0
"""The state folder: which parts run, who looks after them, and one lock for whoever changes that."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consumer.errors import Refused
from consumer.local.process import Kept, ProcessId

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one part. `status` is None until it answered."""

    kept: Kept
    status: dict[str, Any] | None

    @property
    def is_running(self) -> bool:
        """Whether it answered and still runs."""
        return self.status is not None and self.kept.is_alive


class State:
    """The records of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    def write(self, part: str, record: Record) -> None:
        """Keep it until it is removed."""
        write_atomically(self._path(part), json.dumps(asdict(record), indent=2))

    def read(self, part: str) -> Record | None:
        """The part's record, if it has one."""
        try:
            record = json.loads(self._path(part).read_text())
        except (FileNotFoundError, NotADirectoryError):
            return None
        kept = record["kept"]
        keeper, server = ProcessId(**kept["keeper"]), ProcessId(**kept["server"])
        return Record(Kept(keeper, server, kept["token"], kept["stop_s"]), record["status"])

    def remove(self, part: str) -> None:
        """Forget it; one that is not there is fine."""
        self._path(part).unlink(missing_ok=True)

    @contextmanager
    def locked(self, *, wait: bool = True) -> Iterator[bool]:
        """Hold the folder's lock. Without `wait`, tells whether it was free. A killed holder frees it.

        Raises Refused for a folder that cannot be made.
        """
        make_folder(self.folder)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            yield True

    def _path(self, part: str) -> Path:
        return self.folder / f"{part}.json"


def make_folder(folder: Path) -> None:
    """Make it, with those above it. Raises Refused where the user may not, or something else stands."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"the folder {folder} cannot be made: {error.strerror}; --state names another") from error


def write_atomically(path: Path, text: str) -> None:
    """Replace `path`; a reader sees the old text or the new one. Readable by the owner only: it may hold keys."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(name).replace(path)


def rotate(log: Path) -> None:
    """Begin a log; the one before it is kept as `<name>.1`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(f"{log.name}.1"))
