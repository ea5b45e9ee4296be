# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def test_a_wrong_choice_is_answered_with_the_right_ones_and_without_the_words_of_a_library() -> None:
    command = [sys.executable, "-m", "consumer", "feed", "push", str(Path(__file__)), "--format", "nonsense"]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 2
    sentence = (
        "Invalid value for '--format': 'nonsense' is not one of 'jsonl', 'csv', 'google-merchant', 'shopify-csv'."
    )
    assert ended.stderr.splitlines()[-1] == f"Error: {sentence}"


def test_a_part_that_does_not_answer_ends_a_command_with_11_and_one_sentence() -> None:
    command = [sys.executable, "-m", "consumer", "topics", "create", "--timeout", "0.3"]
    nobody = {**os.environ, "HANGTAG_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1"}

    ended = subprocess.run(command, env=nobody, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 11
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith("hangtag: ")
    assert "127.0.0.1:1" in sentence


def test_a_folder_that_is_no_data_set_ends_a_command_with_2_and_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "styles.csv").write_text("id;productDisplayName\n1;Shirt\n")
    (tmp_path / "images.zip").write_bytes(b"PK\x05\x06" + bytes(18))  # an archive of nothing
    command = [sys.executable, "-m", "consumer", "models", "evaluate", "--data", str(tmp_path), "--split", "all"]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 2, ended.stderr
    (sentence,) = ended.stderr.splitlines()
    assert sentence == f"hangtag: {tmp_path / 'styles.csv'} has no column id, productDisplayName"


def test_a_folder_in_place_of_the_settings_file_ends_a_command_with_2_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "hangtag.toml").mkdir()
    command = [sys.executable, "-m", "consumer", "run"]

    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "hangtag: settings are wrong:\n  hangtag.toml: is no file\n"


def test_a_worker_says_which_settings_file_it_read_before_anything_else(tmp_path: Path) -> None:
    (tmp_path / "hangtag.toml").write_text('[triton]\nbundle = "nowhere"\n')
    command = [sys.executable, "-m", "consumer", "run"]

    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 2, ended.stderr
    (line,) = map(json.loads, ended.stdout.splitlines())
    assert (line["event"], line["file"]) == ("settings_read", f"hangtag.toml in {tmp_path}")
