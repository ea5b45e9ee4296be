# SPDX-License-Identifier: Apache-2.0
"""Whether ACLs let us into the real group. It is not joined: its members would notice. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.doctor.finding import Finding, Status

if TYPE_CHECKING:
    from consumer.doctor.commands import Commands
    from consumer.kafka.inspection import Untold


def judge_group(group_id: str, untold: Untold | None, commands: Commands) -> Finding:
    """Whether we may see it, which comes with READ; that READ is enough to join is tried under another name."""
    if untold is None:
        return Finding("group_permissions", Status.OK, f"we may see group {group_id}")
    if untold.is_forbidden:
        allow = commands.allow("READ", "--group", group_id)
        return Finding("group_permissions", Status.FAILED, f"no ACL lets us READ group {group_id}", allow)
    return Finding("group_permissions", Status.UNKNOWN, f"nothing is told of group {group_id}: {untold.reason}")
