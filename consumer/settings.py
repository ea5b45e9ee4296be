# SPDX-License-Identifier: Apache-2.0
"""Every knob: type, unit, default, reason. Built once in `app.py` and passed down in slices.

Environment `HANGTAG_SECTION__FIELD`, then the file `hangtag.toml` of the working directory, then the secrets directory
named by `HANGTAG_SECRETS_DIR`, one file a secret: `triton__read_key`. Unknown or unsafe values
fail at start, all at once.
"""

from __future__ import annotations

import os
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from consumer.errors import SettingsInvalid

#: Properties that the delivery guarantee rests on; `kafka.properties` may set any other.
FIXED_KAFKA_PROPERTIES = {
    "enable.auto.commit": "offsets move only in our own transaction",
    "enable.auto.offset.store": "offsets move only in our own transaction",
    "isolation.level": "hides aborted input and makes the committed offset wait for open transactions",
    "transactional.id": "it is `<group>-<slot>`; set kafka.group_id and kafka.slot",
    "bootstrap.servers": "set kafka.bootstrap_servers",
    "metadata.broker.list": "set kafka.bootstrap_servers",
    "group.id": "set kafka.group_id",
}


class Delivery(StrEnum):
    """What the outputs promise."""

    EXACTLY_ONCE = "exactly_once"
    AT_LEAST_ONCE = "at_least_once"


class Start(StrEnum):
    """Where a group without commits begins."""

    BEGINNING = "beginning"
    LATEST = "latest"


class PrivateEndpoint(NamedTuple):
    """A network and a port that image URLs may name although policy refuses them."""

    network: IPv4Network | IPv6Network
    port: int


def _endpoint(text: str) -> str:
    parse_endpoint(text)
    return text


def parse_endpoint(text: str) -> PrivateEndpoint:
    """`CIDR:port`, for example `127.0.0.1/32:8123` or `[::1]/128:8123`. Raises ValueError."""
    network, _, port = text.rpartition(":")
    number = int(port)
    if not 0 < number < 1 << 16:
        raise ValueError(f"{text!r}: the port must be 1-65535")
    return PrivateEndpoint(ip_network(network.replace("[", "").replace("]", "")), number)


class Section(BaseModel):
    """One slice of the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSettings(Section):
    """Where Kafka is and who we are there."""

    bootstrap_servers: str = Field("127.0.0.1:9092", description="Addresses of the brokers, comma-separated.")
    group_id: str = Field("hangtag", pattern=r"^[A-Za-z0-9._-]{1,200}$", description="Consumer group.")
    slot: str = Field(
        "0",
        pattern=r"^[A-Za-z0-9._-]{1,40}$",
        description="This process's transactional slot; two processes of one group need two, or they fence each other.",
    )
    start: Start = Field(Start.BEGINNING, description="Where a group without commits begins: beginning or latest.")
    transaction_timeout_s: float = Field(
        30, gt=1, le=900, description="A dead worker's open transaction blocks readers for at most this long."
    )
    session_timeout_s: float = Field(
        45,
        gt=0.1,
        le=1800,
        description="Silence after which the group gives our partitions away; see the broker's range.",
    )
    properties: dict[str, str] = Field(
        default_factory=dict,
        repr=False,
        description="Any librdkafka property, for all clients; the ones we rely on are refused.",
    )

    @model_validator(mode="after")
    def _refuse_fixed(self) -> KafkaSettings:
        faults = [f"{name} is fixed: {why}" for name, why in FIXED_KAFKA_PROPERTIES.items() if name in self.properties]
        if faults:
            raise ValueError("; ".join(faults))
        return self


class TopicSettings(Section):
    """Names of the four topics."""

    events: str = Field("product-events", description="Input.")
    attributes: str = Field("product-attributes", description="Enriched events, compacted.")
    embeddings: str = Field("product-embeddings", description="Product vectors, compacted.")
    dead_letters: str = Field("product-events-dlq", description="Input records that can never work, untouched.")


class EngineSettings(Section):
    """How much is in flight, and how it is delivered."""

    delivery: Delivery = Field(Delivery.EXACTLY_ONCE, description="at_least_once is for brokers without transactions.")
    slots: int = Field(1000, ge=1, description="Deliveries held per process; bounds memory and redo, not throughput.")
    bytes: int = Field(1 << 30, ge=1 << 20, description="Bytes of records and images held per process.")
    event_deadline_s: float = Field(
        120, gt=0, description="An event that fails for longer is poison; outages do not count."
    )
    drain_s: float = Field(
        10, ge=0, description="Time for running work after SIGTERM; keep it below the pod's grace period."
    )
    commit_interval_s: float = Field(0.1, gt=0, description="A transaction this often while there are results.")
    commit_results: int | None = Field(
        None, ge=1, description="A transaction as soon as this many results wait; default: slots / 4."
    )

    @property
    def results_per_commit(self) -> int:
        """Results that start a transaction before the interval is over."""
        return self.commit_results or max(1, self.slots // 4)


class DeadLetterSettings(Section):
    """When to stop rather than drain the topic into the dead letters."""

    max_share: float = Field(0.5, gt=0, le=1, description="Share of the last 200 events, judged from 50 on.")
    max_run: int = Field(100, ge=1, description="Dead letters in a row.")


class TritonSettings(Section):
    """Where the models are served."""

    grpc: str = Field("127.0.0.1:8001", description="host:port of Triton's gRPC endpoint.")
    read_key: SecretStr | None = Field(
        None, description="Value of the restricted header for model-config and statistics; `local env` prints it."
    )
    bundle: Path | None = Field(None, description="Folder of the bundle that is served; default: the shipped starter.")
    request_timeout_s: float = Field(30, gt=0, description="Deadline of one inference, above the worst queue wait.")
    in_flight_images: int = Field(
        32, ge=1, description="Images sent and not answered: 2 x max batch x instances of the slowest step."
    )
    poison_attempts: int = Field(
        5, ge=1, description="Failures of one event, while the canary is green, that make it a dead letter."
    )


class Egress(StrEnum):
    """How image requests leave."""

    DIRECT = "direct"
    PROXY = "proxy"


class ImageSettings(Section):
    """Limits against vendors who choose the URLs and the bytes."""

    egress: Egress = Field(Egress.DIRECT, description="direct judges every address itself; proxy is not supported yet.")
    allow_private: tuple[Annotated[str, AfterValidator(_endpoint)], ...] = Field(
        (), description="CIDR:port entries for which the port rule and the address rule are lifted, and nothing else."
    )
    connect_timeout_s: float = Field(3, gt=0, description="To open a connection, DNS included.")
    read_timeout_s: float = Field(5, gt=0, description="Between two reads.")
    fetch_timeout_s: float = Field(15, gt=0, description="For one image over all hops; a slow drip ends here.")
    max_redirects: int = Field(3, ge=0, description="Hops followed, each checked like the first URL.")
    max_body_bytes: int = Field(10 << 20, ge=1, description="Body cap, by Content-Length and by counting.")
    max_pixels: int = Field(40_000_000, ge=1, description="Width x height, read from the header before decoding.")
    max_side_px: int = Field(16_384, ge=1, description="Longest side.")
    min_side_px: int = Field(32, ge=1, description="Shortest side; smaller pictures say nothing.")
    per_product: int = Field(6, ge=1, le=6, description="URLs tried per product, best first; events list at most 6.")
    in_flight: int = Field(128, ge=1, description="Fetches at a time per process.")
    in_flight_per_host: int = Field(8, ge=1, description="Fetches at a time per host: politeness.")
    decode_threads: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, description="Default: one per core.")
    contact: str = Field("https://example.org/hangtag", description="Contact in the User-Agent, for host owners.")

    @property
    def private_endpoints(self) -> tuple[PrivateEndpoint, ...]:
        """`allow_private`, parsed."""
        return tuple(parse_endpoint(entry) for entry in self.allow_private)


class HealthSettings(Section):
    """The HTTP port of /livez, /readyz and /metrics."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 in a container.")
    port: int = Field(9464, ge=0, le=65_535, description="0 takes any free port; the choice is logged.")


class LogSettings(Section):
    """What is written to stdout."""

    level: str = Field("info", pattern="^(debug|info|warning|error)$", description="Lowest level written.")


class Settings(BaseSettings):
    """The whole tree."""

    model_config = SettingsConfigDict(
        env_prefix="HANGTAG_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        toml_file="hangtag.toml",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    kafka: KafkaSettings = KafkaSettings()
    topics: TopicSettings = TopicSettings()
    engine: EngineSettings = EngineSettings()
    dead_letters: DeadLetterSettings = DeadLetterSettings()
    triton: TritonSettings = TritonSettings()
    images: ImageSettings = ImageSettings()
    health: HealthSettings = HealthSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment before file before secrets. Plain file secrets would not reach nested fields."""
        del dotenv_settings
        sources: list[PydanticBaseSettingsSource] = [
            init_settings,
            env_settings,
            TomlConfigSettingsSource(settings_cls),
        ]
        if os.environ.get("HANGTAG_SECRETS_DIR"):
            sources.append(
                NestedSecretsSettingsSource(
                    file_secret_settings,
                    secrets_dir=os.environ["HANGTAG_SECRETS_DIR"],
                    secrets_dir_missing="error",
                    secrets_prefix="",
                )
            )
        return tuple(sources)


def load_settings(**overrides: Any) -> Settings:  # sections as keyword arguments, for tests
    """Read the environment, the file and the secrets. Raises SettingsInvalid, which lists every fault."""
    faults = [f"{name}: no such setting" for name in _unknown_variables()]
    try:
        settings = Settings(**overrides)
    except TOMLDecodeError as error:
        raise SettingsInvalid(f"settings are wrong:\n  hangtag.toml: {error}") from error
    except SettingsError as error:
        raise _invalid([*faults, f"{error} (lists and maps are written as JSON)"]) from error
    except ValidationError as error:
        found = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise _invalid([*faults, *found]) from error
    if faults:
        raise _invalid(faults)
    return settings


def _invalid(faults: list[str]) -> SettingsInvalid:
    return SettingsInvalid("settings are wrong:\n" + "\n".join(f"  {fault}" for fault in faults))


def _unknown_variables() -> list[str]:
    """pydantic-settings ignores variables of sections that do not exist; a typo must not be silent."""
    known = {f"HANGTAG_{section.upper()}" for section in Settings.model_fields}
    free = {"HANGTAG_SECRETS_DIR", "HANGTAG_DATA", "HANGTAG_STATE", "HANGTAG_TEST_REGISTRY_URL"}
    return sorted(
        name
        for name in os.environ
        if name.startswith("HANGTAG_") and name not in free and name.partition("__")[0] not in known
    )
