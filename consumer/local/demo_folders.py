# SPDX-License-Identifier: Apache-2.0
"""The folders of one run of the demo: made, taken away at its end, or by a later run where it was killed."""

from __future__ import annotations

import fcntl
import shutil
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from consumer.local.state import make_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What the name of a run, and so of its folders, begins with: the root may be a folder of the user's own.
RUN_PREFIX = "demo-"
#: Stands in a folder until its run has decided what becomes of it; locked while that run lives.
_MARK = ".hangtag-demo-run"


@contextmanager
def run_folders(*folders: Path, is_kept: bool) -> Iterator[None]:
    """Make the folders, and take them away at the end; not after a failure, when the log in there says why.

    Their names begin with RUN_PREFIX. Folders beside them that a killed run left go too.
    """
    for folder in folders:
        _remove_abandoned(folder.parent)
    has_failed = False
    with ExitStack() as stack:
        for folder in folders:
            make_folder(folder)
            stack.enter_context(_marked(folder))
        try:
            yield
        except Exception:
            has_failed = True
            raise
        finally:
            for folder in folders:
                if is_kept or has_failed:
                    (folder / _MARK).unlink(missing_ok=True)
                else:
                    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _marked(folder: Path) -> Iterator[None]:
    unlocked = folder / f"{_MARK}-unlocked"
    with unlocked.open("w") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        unlocked.rename(folder / _MARK)  # locked already when others see it
        yield


def _remove_abandoned(root: Path) -> None:
    for path in filter(Path.is_file, root.glob(f"{RUN_PREFIX}*/{_MARK}")):
        with suppress(FileNotFoundError, BlockingIOError), path.open() as mark:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path.parent, ignore_errors=True)
