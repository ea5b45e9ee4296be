# SPDX-License-Identifier: Apache-2.0
"""Faults that pydantic found, as people read them."""

from __future__ import annotations

#: pydantic says so before the words of a check of ours that raised ValueError; typer passes it on for options.
_KIND = "Value error, "


def plain(message: str) -> str:
    """The message of a fault without the kind of exception in front, which says nothing to a person."""
    return message.removeprefix(_KIND)
