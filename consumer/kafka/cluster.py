# SPDX-License-Identifier: Apache-2.0
"""Asks the cluster what there is, with a client that is known to be able to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from confluent_kafka import KafkaError, KafkaException

from consumer.kafka.faults import ALL_DOWN

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka.admin import AdminClient
    from confluent_kafka.admin._metadata import ClusterMetadata

log = structlog.get_logger()

#: For one question. Whoever asks in vain may ask again at once: the second is over by then.
ASK_S = 1.0


class Cluster:
    """Holds the client that asks; one thread at a time."""

    def __init__(self, connect_admin: Callable[[], AdminClient]) -> None:
        self._connect_admin = connect_admin
        self._admin: AdminClient | None = None

    @property
    def admin(self) -> AdminClient:
        """The client to ask; opened when it is needed. Raises SettingsInvalid."""
        if self._admin is None:
            self._admin = self._connect_admin()
        return self._admin

    def metadata(self) -> ClusterMetadata:
        """Brokers and topics. Raises KafkaException, also while the cluster names no brokers, and SettingsInvalid.

        A broker that has just woken up may do so until its controller counts it in again, and a client that heard it
        may never connect again (librdkafka#5301): the next question is asked by another.
        """
        metadata = self.admin.list_topics(timeout=ASK_S)
        if not metadata.brokers:
            log.info("cluster_names_no_brokers")
            self.admin.poll(ASK_S)  # as if nobody had answered: else clients would be opened by the dozen
            self._admin = None
            raise KafkaException(KafkaError(ALL_DOWN, "the cluster names no brokers"))
        return metadata
