# SPDX-License-Identifier: Apache-2.0
"""librdkafka's mock cluster as a process, for machines without Java: `python -m consumer.local.mock --topic T ...`.

It proves nothing about transactions (offsets are not stored, readers see aborted records), so only `at_least_once`
may run on it; it keeps 5 MiB a partition and drops the oldest silently. Its interface is experimental
(`rdkafka_mock.h`) and reached by ctypes, all of it here.
"""

from __future__ import annotations

import argparse
import ctypes
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from consumer.errors import Refused
from consumer.local.kafka import MOCK_VERSION, KafkaStatus
from consumer.local.process import Launch
from consumer.local.state import rotate, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.local.process import Kept

_PRODUCER = 0
_ERROR_BYTES = 512


class MockPart:
    """Starts a mock broker with `topics`, each of so many partitions: it can create none later."""

    name = "kafka"
    port_count = 0  # the library chooses one itself
    start_limit_s = 20.0

    def __init__(self, state: Path, topics: Iterable[str], partitions: int) -> None:
        self._address = state / "kafka-mock" / "address"
        self._log = state / "logs" / "kafka.log"
        self._topics = list(topics)
        self._partitions = partitions

    def launch(self, ports: list[int], token: str) -> Launch:
        """The command."""
        del ports, token
        self._address.parent.mkdir(parents=True, exist_ok=True)
        self._address.unlink(missing_ok=True)
        rotate(self._log)
        command = [sys.executable, "-P", "-m", __name__, "--address-file", str(self._address)]
        command += ["--partitions", str(self._partitions), *(f"--topic={topic}" for topic in self._topics)]
        return Launch(command, self._address.parent, self._log, {"PYTHONPATH": str(Path(__file__).parents[2])})

    def probe(self, ports: list[int], kept: Kept) -> KafkaStatus | None:
        """Its status once it wrote its address, which it does when its topics stand."""
        del ports
        if not self._address.exists():
            return None
        bootstrap_servers, version = self._address.read_text().split()
        return KafkaStatus(bootstrap_servers, MOCK_VERSION + version, kept.server.pid)


class MockCluster:
    """One mock broker in this process, on a port of its own choice."""

    def __init__(self) -> None:
        self._library = _library()
        error = ctypes.create_string_buffer(_ERROR_BYTES)
        configuration = self._library.rd_kafka_conf_new()
        self._library.rd_kafka_conf_set(configuration, b"test.mock.num.brokers", b"1", error, _ERROR_BYTES)
        client = self._library.rd_kafka_new(_PRODUCER, configuration, error, _ERROR_BYTES)
        if not client:
            raise Refused(f"the mock cluster does not start: {error.value.decode()}")
        self._cluster = self._library.rd_kafka_handle_mock_cluster(client)

    @property
    def bootstrap_servers(self) -> str:
        """Where it listens."""
        address: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster)
        return address.decode()

    @property
    def version(self) -> str:
        """Version of the library."""
        version: bytes = self._library.rd_kafka_version_str()
        return version.decode()

    def create_topic(self, name: str, partitions: int) -> None:
        """Make a topic; clients' own requests to make one are refused."""
        if code := self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1):
            raise Refused(f"the mock cluster does not make topic {name!r}: error {code}")


def _library() -> ctypes.CDLL:
    """The one inside the client's wheel, with the types of what is called."""
    spec = find_spec("confluent_kafka")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parents[1] / "confluent_kafka.libs"
    library = ctypes.CDLL(str(next(folder.glob("librdkafka-*"))))
    pointers = ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_handle_mock_cluster")
    for function in pointers:
        getattr(library, function).restype = ctypes.c_void_p
    for function in ("rd_kafka_mock_cluster_bootstraps", "rd_kafka_version_str"):
        getattr(library, function).restype = ctypes.c_char_p
    text, size = ctypes.c_char_p, ctypes.c_size_t
    library.rd_kafka_conf_set.argtypes = [ctypes.c_void_p, text, text, text, size]
    library.rd_kafka_new.argtypes = [ctypes.c_int, ctypes.c_void_p, text, size]
    library.rd_kafka_handle_mock_cluster.argtypes = [ctypes.c_void_p]
    library.rd_kafka_mock_cluster_bootstraps.argtypes = [ctypes.c_void_p]
    library.rd_kafka_mock_topic_create.argtypes = [ctypes.c_void_p, text, ctypes.c_int, ctypes.c_int]
    return library


def main(arguments: list[str] | None = None) -> None:
    """Run until SIGTERM; write `<bootstrap servers> <version>` into the address file when the topics stand."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--address-file", type=Path, required=True)
    parser.add_argument("--partitions", type=int, required=True)
    parser.add_argument("--topic", action="append", default=[])
    options = parser.parse_args(arguments)
    stop = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    cluster = MockCluster()
    for topic in options.topic:
        cluster.create_topic(topic, options.partitions)
    write_atomically(options.address_file, f"{cluster.bootstrap_servers} {cluster.version}")
    signal.sigwait(stop)


if __name__ == "__main__":
    main()
