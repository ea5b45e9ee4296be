# SPDX-License-Identifier: Apache-2.0
"""A broker that asks who is there and judges by ACLs, as a company runs it: SASL_SSL outside, deny by default."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from consumer.local import ports
from consumer.local.kafka import KafkaPart, alone
from consumer.local.ports import PortBook
from consumer.local.starting import Starting
from tests.support.kafka import Kafka

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

USER, PASSWORD = "hangtag", "app-secret"
_CERTIFICATE = (
    "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -addext subjectAltName=DNS:localhost,"
    "IP:127.0.0.1 -keyout key.pem -out ca.pem"
)


@dataclass(frozen=True, slots=True)
class Secured:
    """`inside` needs no credentials and may everything; `outside` is for `USER`, who may what ACLs say."""

    inside: Kafka
    outside: str
    ca_file: Path
    logs: Path

    def properties(self, **changed: str) -> dict[str, str]:
        """What a client outside has to say; `changed` with `_` for `.`."""
        return {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": USER,
            "sasl.password": PASSWORD,
            "ssl.ca.location": str(self.ca_file),
        } | {name.replace("_", "."): value for name, value in changed.items()}


@contextmanager
def secured_broker(state: Path, properties: Mapping[str, str] | None = None) -> Iterator[Secured]:
    """It runs for the length of the block; its files are in `state`, `properties` are added to its own."""
    subprocess.run(_CERTIFICATE.split(), cwd=state, check=True, capture_output=True)
    keystore = state / "server.pem"
    keystore.write_text((state / "key.pem").read_text() + (state / "ca.pem").read_text())
    inside, controller, outside = ports.pick(3, [])
    book = PortBook(state / "ports.json")
    book.remember(KafkaPart.name, [inside, controller])
    scram = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
    own = _properties(inside, controller, outside, keystore)
    part = KafkaPart(state, print, own | dict(properties or {}), (*alone(), "--add-scram", scram))
    with Starting(part, book) as starting:
        yield Secured(Kafka.of(starting.wait()), f"localhost:{outside}", state / "ca.pem", state)


def _properties(inside: int, controller: int, outside: int, keystore: Path) -> dict[str, str]:
    plain, scram = "org.apache.kafka.common.security.plain.Plain", "org.apache.kafka.common.security.scram.Scram"
    return {
        "listeners": f"PLAINTEXT://127.0.0.1:{inside},CONTROLLER://127.0.0.1:{controller},OUTSIDE://127.0.0.1:{outside}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{inside},OUTSIDE://localhost:{outside}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,OUTSIDE:SASL_SSL",
        "inter.broker.listener.name": "PLAINTEXT",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
        "listener.name.outside.scram-sha-512.sasl.jaas.config": f"{scram}LoginModule required;",
        "listener.name.outside.plain.sasl.jaas.config": f'{plain}LoginModule required user_{USER}="{PASSWORD}";',
        "listener.name.outside.ssl.keystore.type": "PEM",
        "listener.name.outside.ssl.keystore.location": str(keystore),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
