# SPDX-License-Identifier: Apache-2.0
"""The README's step-by-step block, typed as a stranger would, on real parts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.kafka import require_kafka
from tests.support.processes import Family, segments
from tests.support.triton import require_triton
from tests.support.wait import wait_until

README = Path(__file__).parents[2] / "README.md"
ROWS, BAD_ROWS = 50, 2
LIMIT_S = 200

pytestmark = [pytest.mark.kafka, pytest.mark.triton, pytest.mark.slow, pytest.mark.timeout(300)]

# What stands between the README's lines: a second terminal for `run`, and somebody who looks until all is there.
PROLOGUE = "set -eu\n"
PUSH = "{line} || echo push exited with $?"
RUN = "{line} > run.log 2>&1 & consumer=$!"
TAIL = "until [ $({line} | tee published.jsonl | wc -l) -ge {count} ]; do kill -0 $consumer; done"
DOWN = "hangtag local status --output json > status.json\nkill -INT $consumer\nwait $consumer\n{line}"


def script() -> str:
    block = re.search(r"## Step by step\n\n```\n(.*?)```", README.read_text(), re.DOTALL)
    assert block is not None
    lines = [line.partition(" #")[0].rstrip() for line in block[1].splitlines()]
    frames = {"feed push": PUSH, "hangtag run": RUN, "events tail": TAIL, "local down": DOWN}
    for words, frame in frames.items():
        (position,) = (number for number, line in enumerate(lines) if words in line)
        lines[position] = frame.format(line=lines[position], count=ROWS - BAD_ROWS)
    return PROLOGUE + "\n".join(lines) + "\n"


def write_feed(path: Path) -> None:
    rows = [json.dumps({"sku": str(number), "title": f"Blue shirt {number}"}) for number in range(ROWS)]
    rows[10] = '{"sku": "10", "title": '
    rows[20] = json.dumps({"sku": "20", "title": ["not", "a", "title"]})
    path.write_text("\n".join(rows) + "\n")


def test_the_readmes_steps_work_and_leave_nothing_behind(tmp_path: Path) -> None:
    require_kafka()
    require_triton()
    family = Family()
    write_feed(tmp_path / "feed.jsonl")
    environment = {name: value for name, value in family.environment.items() if not name.startswith("HANGTAG_")}
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HANGTAG_HEALTH__PORT": "0",
    }
    (tmp_path / ".venv").symlink_to(sys.prefix)
    tokens: set[str] = set()

    with subprocess.Popen(
        ["bash", "-c", script()],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as typed:

        def has_ended() -> bool:
            tokens.update(family.tokens())
            return typed.poll() is not None

        wait_until(has_ended, LIMIT_S, "the end")
        output, complaints = typed.communicate()

    run_log = tmp_path / "run.log"
    assert typed.returncode == 0, f"{output}\n{complaints}\n{run_log.read_text() if run_log.exists() else ''}"
    assert "push exited with 3" in output
    assert "feed.jsonl:11: " in complaints
    assert "feed.jsonl:21: " in complaints
    published = [json.loads(line) for line in (tmp_path / "published.jsonl").read_text().splitlines()]
    assert len({line["key"] for line in published}) == ROWS - BAD_ROWS
    assert all(line["value"]["status"] == "enriched" for line in published)
    status = json.loads((tmp_path / "status.json").read_text())
    assert {part: set(told) for part, told in status.items()} == {
        "kafka": {"bootstrap_servers", "version", "pid"},
        "triton": {"grpc", "http", "metrics", "version", "pid"},
        "images": {"url", "root", "pid"},
    }
    family.wait_until_gone()
    assert tokens
    assert not segments(tokens)
