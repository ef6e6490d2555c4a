"""Who an agency is to Kafka, and what that user may do. Owns names and rights; gives and takes them nowhere itself.

An agency's certificate has a name of its own: replaced, it can do nothing any more, however long it is valid.
"""

from __future__ import annotations

from typing import Final

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

from hub.schemas.topics import FEED, inbound, outbound


def username(agency: str, mark: str = "") -> str:
    """The Kafka user of an agency; with a mark, what the broker makes of a certificate of it (`infra.local.authority`).

    No code holds a full stop, so no agency's user is another's certificate.
    """
    return f"agency-{agency}.{mark}" if mark else f"agency-{agency}"


def group_prefix(agency: str) -> str:
    """What the name of every consumer group of an agency begins with."""
    return f"{agency}-"


#: The city's account, whose view the feed is.
CITY: Final = "city"


def rights(code: str, mark: str = "") -> list[AclBinding]:
    """Write and describe its inbound topic, read and describe its outbox, read under its groups; nothing else.

    mark: of the certificate they are for; '' for the user with a password.
    """
    topic, group, literal = ResourceType.TOPIC, ResourceType.GROUP, ResourcePatternType.LITERAL
    granted = [
        (topic, inbound(code), literal, AclOperation.WRITE),
        (topic, inbound(code), literal, AclOperation.DESCRIBE),
        (topic, outbound(code), literal, AclOperation.READ),
        (topic, outbound(code), literal, AclOperation.DESCRIBE),
        (group, group_prefix(code), ResourcePatternType.PREFIXED, AclOperation.READ),
    ]
    if code == CITY:
        granted += [(topic, FEED, literal, op) for op in (AclOperation.READ, AclOperation.DESCRIBE)]
    principal = f"User:{username(code, mark)}"
    return [AclBinding(r, name, kind, principal, "*", op, AclPermissionType.ALLOW) for r, name, kind, op in granted]


def every_right(principal: str | None = None) -> AclBindingFilter:
    """A filter that finds everything a principal (`User:…`) may do; None: everybody's."""
    return AclBindingFilter(
        ResourceType.ANY,
        None,  # type: ignore[arg-type]  # any name; the stubs know no "any"
        ResourcePatternType.ANY,
        principal,  # type: ignore[arg-type]
        None,  # type: ignore[arg-type]  # from any host
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
