# SPDX-License-Identifier: Apache-2.0
"""The whole tree, and where its values come from."""

from __future__ import annotations

import os

from pydantic_settings import (
    BaseSettings,
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
