# SPDX-License-Identifier: Apache-2.0
"""Every knob: type, unit, default, reason. Built once in `app.py` and passed down in slices.

Environment `HANGTAG_SECTION__FIELD`, then the file `hangtag.toml` of the working directory, then the secrets directory
named by `HANGTAG_SECRETS_DIR`, one file a secret: `triton__read_key`. Maps are merged key by key. Unknown or unsafe
values fail at start, all at once.
"""

from consumer.settings.engine import DeadLetterSettings, Delivery, EngineSettings
from consumer.settings.images import Egress, ImageSettings, PrivateEndpoint, parse_endpoint
from consumer.settings.kafka import (
    CLASSIC_KAFKA_PROPERTIES,
    FIXED_KAFKA_PROPERTIES,
    QUESTION_S,
    SLACK_S,
    TRANSACTION_SWEEP_S,
    InputLost,
    KafkaSettings,
    Start,
    TopicSettings,
)
from consumer.settings.load import load_settings, settings_file
from consumer.settings.observability import HealthSettings, LogSettings
from consumer.settings.registry import RegistrySettings
from consumer.settings.section import Section
from consumer.settings.tree import Settings
from consumer.settings.triton import TritonSettings

__all__ = [
    "CLASSIC_KAFKA_PROPERTIES",
    "FIXED_KAFKA_PROPERTIES",
    "QUESTION_S",
    "SLACK_S",
    "TRANSACTION_SWEEP_S",
    "DeadLetterSettings",
    "Delivery",
    "Egress",
    "EngineSettings",
    "HealthSettings",
    "ImageSettings",
    "InputLost",
    "KafkaSettings",
    "LogSettings",
    "PrivateEndpoint",
    "RegistrySettings",
    "Section",
    "Settings",
    "Start",
    "TopicSettings",
    "TritonSettings",
    "load_settings",
    "parse_endpoint",
    "settings_file",
]
