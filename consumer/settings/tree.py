# SPDX-License-Identifier: Apache-2.0
"""The whole tree, and where its values come from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from consumer.settings.engine import DeadLetterSettings, EngineSettings
from consumer.settings.images import ImageSettings
from consumer.settings.kafka import KafkaSettings, TopicSettings
from consumer.settings.observability import HealthSettings, LogSettings
from consumer.settings.registry import RegistrySettings
from consumer.settings.triton import TritonSettings

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

#: In the working directory.
FILE = "hangtag.toml"


class _Environment(EnvSettingsSource):
    """What is no JSON goes on as it stands: the setting then says what it takes, and all faults are told at once."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


class _Secrets(_Environment, NestedSecretsSettingsSource):
    """The same for secret files."""


class Settings(BaseSettings):
    """The whole tree."""

    model_config = SettingsConfigDict(
        env_prefix="HANGTAG_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        toml_file=FILE,
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
    registry: RegistrySettings = RegistrySettings()
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
        del env_settings, dotenv_settings
        sources: list[PydanticBaseSettingsSource] = [
            init_settings,
            _Environment(settings_cls),
            TomlConfigSettingsSource(settings_cls),
        ]
        if os.environ.get("HANGTAG_SECRETS_DIR"):
            sources.append(
                _Secrets(
                    file_secret_settings,
                    secrets_dir=os.environ["HANGTAG_SECRETS_DIR"],
                    secrets_dir_missing="error",
                    secrets_prefix="",
                )
            )
        return tuple(sources)
