# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Protocol

import pytest
import typer

from consumer.cli import app


class Command(Protocol):
    """Of click, a copy of which typer keeps to itself."""

    epilog: str | None


def commands(command: Command, name: str = "hangtag") -> dict[str, Command]:
    """Every command and group below one, by the words that call it."""
    below = getattr(command, "commands", {})
    return {name: command} | {
        words: found for verb, inner in below.items() for words, found in commands(inner, f"{name} {verb}").items()
    }


EVERYTHING = commands(typer.main.get_command(app))


@pytest.mark.parametrize("words", [words for words in EVERYTHING if words != "hangtag"])
def test_the_help_of_every_command_and_group_ends_with_an_example(words: str) -> None:
    epilog = EVERYTHING[words].epilog or ""

    assert epilog.startswith("Example: ")
    assert " ".join(words.split()[:2]) in epilog
