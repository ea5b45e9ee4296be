# SPDX-License-Identifier: Apache-2.0
"""Which hosts may have idle connections. Without a bound a vendor that invents names could use up all descriptors."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


class KeptHosts:
    """So many at a time; each until it has not been used for `keep_alive_s`, when its connections are closed too."""

    def __init__(self, hosts: int, keep_alive_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._hosts = hosts
        self._keep_alive_s = keep_alive_s
        self._clock = clock
        self._used_s: OrderedDict[Hashable, float] = OrderedDict()

    def keeps(self, host: Hashable) -> bool:
        """Whether the connection that is used now may stay open."""
        now_s = self._clock()
        if host not in self._used_s and not self._has_room(now_s):
            return False
        self._used_s[host] = now_s
        self._used_s.move_to_end(host)
        return True

    def _has_room(self, now_s: float) -> bool:
        while self._used_s and next(iter(self._used_s.values())) < now_s - self._keep_alive_s:
            self._used_s.popitem(last=False)
        return len(self._used_s) < self._hosts
