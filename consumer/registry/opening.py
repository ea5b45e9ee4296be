# SPDX-License-Identifier: Apache-2.0
"""Which codec the settings ask for, and under which names its schemas stand in a registry."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from consumer.errors import Refused, to_install
from consumer.registry.bundled import BundledCodec
from consumer.registry.files import Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.registry.client import Registry
    from consumer.registry.codec import Codec
    from consumer.settings import RegistrySettings, TopicSettings


@contextmanager
def open_codec(registry: RegistrySettings, topics: TopicSettings) -> Iterator[Codec]:
    """A codec that asks the registry of the settings, if they name one; asks nothing yet. Raises Refused."""
    if registry.url is None:
        yield BundledCodec()
        return
    with open_registry(registry) as opened:
        from consumer.registry.confluent import ConfluentCodec

        yield ConfluentCodec(opened, subject_names(topics))


def open_registry(settings: RegistrySettings) -> Registry:
    """A client for the registry of the settings; asks nothing yet. Raises Refused where its packages are missing."""
    try:
        from consumer.registry.client import Registry
    except ImportError as error:
        raise Refused(
            f"a schema registry needs the extra `registry` ({error.name} is missing): {to_install('registry')}"
        ) from error
    return Registry.open(settings)


def subject_names(topics: TopicSettings) -> dict[Subject, str]:
    """The subject of each schema, by Confluent's TopicNameStrategy: `<topic>-value`."""
    return {
        Subject.PRODUCT_EVENTS: f"{topics.events}-value",
        Subject.PRODUCT_ATTRIBUTES: f"{topics.attributes}-value",
        Subject.PRODUCT_EMBEDDINGS: f"{topics.embeddings}-value",
    }
