# SPDX-License-Identifier: Apache-2.0
"""The option `--vendor` of every command that speaks for one."""

from __future__ import annotations

import typer


def checked_vendor(vendor: str | None) -> str | None:
    """The id, if it can be one. Raises BadParameter."""
    from consumer.events import VENDOR_ID

    if vendor is not None and not VENDOR_ID.fullmatch(vendor):
        raise typer.BadParameter(f"{vendor!r} is not {VENDOR_ID.pattern}", param_hint="--vendor")
    return vendor
