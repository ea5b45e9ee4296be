# SPDX-License-Identifier: Apache-2.0
"""The file formats that feeds come in, each with its adapter."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consumer.feeds.rows import Adapter


class Format(StrEnum):
    """What a feed file looks like."""

    JSONL = "jsonl"


def adapter_of(file_format: Format) -> Adapter:
    """The reader of a format; imported when it is needed, so that the command line starts quickly."""
    match file_format:
        case Format.JSONL:
            from consumer.feeds.json_lines import read_json_lines

            return read_json_lines
