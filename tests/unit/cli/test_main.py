# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

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
