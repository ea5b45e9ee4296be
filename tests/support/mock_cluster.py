# SPDX-License-Identifier: Apache-2.0
"""The mock cluster with faults on demand: what a broker answers to one kind of request, for a while."""

from __future__ import annotations

import ctypes
from enum import IntEnum

from consumer.local.mock import MockCluster


class Request(IntEnum):
    """API keys of the Kafka protocol."""

    PRODUCE = 0
    JOIN_GROUP = 11
    HEARTBEAT = 12
    ADD_PARTITIONS_TO_TXN = 24
    END_TXN = 26
    TXN_OFFSET_COMMIT = 28


class FaultyCluster(MockCluster):
    """One mock broker in this process."""

    def __init__(self) -> None:
        super().__init__()
        self._push = self._library.rd_kafka_mock_push_request_errors_array
        self._push.argtypes = [ctypes.c_void_p, ctypes.c_int16, ctypes.c_size_t, ctypes.POINTER(ctypes.c_int)]
        self._push.restype = None
        for name in ("rd_kafka_mock_broker_set_down", "rd_kafka_mock_broker_set_up"):
            getattr(self._library, name).argtypes = [ctypes.c_void_p, ctypes.c_int32]

    def fail(self, request: Request, *codes: int) -> None:
        """Answer the next requests of that kind with these errors, one each."""
        self._push(self._cluster, request, len(codes), (ctypes.c_int * len(codes))(*codes))

    def set_down(self) -> None:
        """Close the broker's connections and take no new ones."""
        self._library.rd_kafka_mock_broker_set_down(self._cluster, 1)

    def set_up(self) -> None:
        """Take connections again."""
        self._library.rd_kafka_mock_broker_set_up(self._cluster, 1)
