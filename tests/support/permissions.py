# SPDX-License-Identifier: Apache-2.0
"""What `USER` may do on a broker that denies by default, in words: `events READ`, `slots WRITE`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from tests.support.secured import USER
from tests.support.wait import wait_until

if TYPE_CHECKING:
    from consumer.settings import TopicSettings
    from tests.support.secured import Secured

    _Rule = tuple[ResourceType, str, ResourcePatternType, str, str, AclOperation, AclPermissionType]

LIMIT_S = 60
#: The list of docs/kafka-security.md.
NEEDED = ("events READ", "attributes WRITE", "embeddings WRITE", "dead_letters WRITE", "group READ", "slots WRITE")
#: On top, a throw-away group.
DOCTOR = "doctor READ"
_EVERY_RULE = AclBindingFilter(
    ResourceType.ANY,
    None,  # type: ignore[arg-type]  # of a filter it means any, which its annotations forget
    ResourcePatternType.ANY,
    None,  # type: ignore[arg-type]
    None,  # type: ignore[arg-type]
    AclOperation.ANY,
    AclPermissionType.ANY,
)


class Permissions:
    """The ACLs of one group and its topics; in force when a method returns."""

    def __init__(self, secured: Secured, topics: TopicSettings, group_id: str) -> None:
        self._admin = AdminClient({"bootstrap.servers": secured.inside.bootstrap_servers})
        self._topics = topics
        self._group_id = group_id

    def grant(self, *words: str) -> None:
        wanted = [AclBinding(*self._rule(entry)) for entry in words]
        for done in self._admin.create_acls(wanted).values():
            done.result(LIMIT_S)
        wait_until(lambda: set(wanted) <= set(self._rules()), LIMIT_S, "the rules")

    def revoke(self, words: str) -> None:
        (done,) = self._admin.delete_acls([AclBindingFilter(*self._rule(words))]).values()
        assert len(done.result(LIMIT_S)) == 1

    def revoke_all(self) -> None:
        """Of every test before, too."""
        for done in self._admin.delete_acls([_EVERY_RULE]).values():
            done.result(LIMIT_S)
        wait_until(lambda: not self._rules(), LIMIT_S, "no rules")

    def _rules(self) -> list[AclBinding]:
        found: list[AclBinding] = self._admin.describe_acls(_EVERY_RULE).result(LIMIT_S)
        return found

    def _rule(self, words: str) -> _Rule:
        what, operation = words.split()
        kind, name, pattern = {
            "group": (ResourceType.GROUP, self._group_id, ResourcePatternType.LITERAL),
            "doctor": (ResourceType.GROUP, f"{self._group_id}-doctor-", ResourcePatternType.PREFIXED),
            "slots": (ResourceType.TRANSACTIONAL_ID, f"{self._group_id}-", ResourcePatternType.PREFIXED),
        }.get(what) or (ResourceType.TOPIC, getattr(self._topics, what), ResourcePatternType.LITERAL)
        return kind, name, pattern, f"User:{USER}", "*", AclOperation[operation], AclPermissionType.ALLOW
