# SPDX-License-Identifier: Apache-2.0
"""The ways in which a group hands out partitions, as `kafka.properties` of a slot."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PROTOCOLS: dict[str, Callable[[str], dict[str, str]]] = {
    "range": lambda _: {},
    # A restarted slot takes its partitions back without waiting for the session of the dead one.
    "range-static": lambda slot: {"group.instance.id": slot},
    "cooperative-sticky": lambda _: {"partition.assignment.strategy": "cooperative-sticky"},
    "kip-848": lambda _: {"group.protocol": "consumer"},
}
