# SPDX-License-Identifier: Apache-2.0
"""The error tree. Each branch is an answer; there is no fourth.

HangtagError
├── Transient             asking again may work: retried in place, never dead-lettered for an outage
│   ├── BrokerUnavailable     Kafka does not answer
│   ├── RegistryUnavailable   the schema registry does not answer
│   ├── TritonUnavailable     the inference server does not answer, or not healthily
│   └── ModelFailed           the server answers, this request failed: the canary decides what it means
├── Unprocessable         this event can never work: dead-lettered with its reason, the others go on
└── Fatal                 this process must stop; `exit_code` tells the supervisor why
    ├── SettingsInvalid       2   settings are wrong; every fault is listed
    ├── FeedInvalid           2   a feed is not what its options say; nothing of it was sent
    ├── OptionInvalid         2   what an option names is not what the command takes
    ├── Fenced               10   another process took this slot
    ├── Refused              11   a dependency refuses us, or a needed part is not there
    ├── IncompatibleModels   12   the server's models are not those of the bundle
    └── StaleGeneration      13   the group moved on while this process did not look: start again
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class DeadLetterReason(StrEnum):
    """Why an event went to the dead letters; the value of the header `hangtag.error.reason`."""

    KEY_MISSING = "key_missing"
    KEY_MISMATCH = "key_mismatch"
    VALUE_MISSING = "value_missing"
    AVRO_MALFORMED = "avro_malformed"
    SCHEMA_UNKNOWN = "schema_unknown"
    JSON_MALFORMED = "json_malformed"
    FIELD_INVALID = "field_invalid"
    UNKNOWN_EVENT_TYPE = "unknown_event_type"
    OUTPUT_TOO_LARGE = "output_too_large"
    MODEL_OUTPUT_NOT_FINITE = "model_output_not_finite"
    POISON = "poison"


class HangtagError(Exception):
    """Root of everything that Hangtag raises on purpose."""


class Transient(HangtagError):
    """Asking again may work. Retried with backoff, jitter and deadline; an outage never fills the dead letters."""


class BrokerUnavailable(Transient):
    """Kafka does not answer."""


class RegistryUnavailable(Transient):
    """The schema registry does not answer, or not as one."""


class TritonUnavailable(Transient):
    """The inference server does not answer, or its answer says that it is not healthy."""


class ModelFailed(Transient):
    """The server answered that this one request failed. A green canary and a second failure make it `poison`."""


class Unprocessable(HangtagError):
    """This event can never work, however often it is tried.

    `reason` is the stable word for headers, metrics and logs; the message is for a person. `event_id` is filled
    where the event could be read; `attempts` says how often it was tried.
    """

    def __init__(
        self, reason: DeadLetterReason, message: str, *, event_id: str | None = None, attempts: int = 1
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.event_id = event_id
        self.attempts = attempts


class Fatal(HangtagError):
    """This process must stop. The command exits with `exit_code`."""

    exit_code: ClassVar[int] = 70


class SettingsInvalid(Fatal):
    """Settings are wrong; the message lists every fault."""

    exit_code = 2


class FeedInvalid(Fatal):
    """A feed cannot be read as its options say: wrong delimiter, mapping or format. Nothing of it was sent."""

    exit_code = 2


class OptionInvalid(Fatal):
    """What an option names is not what the command takes: a recipe, a data folder, a list of products, a new folder."""

    exit_code = 2


class Fenced(Fatal):
    """Another process holds this transactional slot, or the broker gave our transaction up."""

    exit_code = 10


class Refused(Fatal):
    """A dependency refuses us (authorisation, configuration), or a part that the command needs is not there."""

    exit_code = 11


class IncompatibleModels(Fatal):
    """Names, shapes, labels or answers of the served models are not those of the bundle."""

    exit_code = 12


class StaleGeneration(Fatal):
    """The group moved on without this process; a fresh start takes up the newest state."""

    exit_code = 13


def to_install(extra: str) -> str:
    """The command that installs an extra into a clone's environment; there is no published package."""
    return f"pip install -c constraints.txt -e '.[{extra}]'"
