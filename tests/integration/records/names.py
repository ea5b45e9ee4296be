# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import uuid

from consumer.settings import TopicSettings


def fresh_names() -> TopicSettings:
    """The four topics under names that no other test uses."""
    run = uuid.uuid4().hex[:8]
    return TopicSettings(
        events=f"events-{run}",
        attributes=f"attributes-{run}",
        embeddings=f"embeddings-{run}",
        dead_letters=f"dead-letters-{run}",
    )
