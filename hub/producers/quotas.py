"""How many bytes a second an agency's Kafka users may write: Kafka's own quotas, by user. Owns the two requests.

Kafka slows down whoever writes more, and refuses nothing. Neither client library has these calls; they are KIP-546's
AlterClientQuotas and DescribeClientQuotas in version 0, in aiokafka's own terms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar, Final, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.admin import DescribeClientQuotasRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Float64, Int16, Int32, Schema, String

from hub.errors import Retry, Usage
from hub.settings import Settings

#: So many bytes are counted for an event: Kafka knows bytes only, HTTP counts events.
EVENT_BYTES: Final = 4096
REMEDY: Final = "Use a Kafka user that may administer the cluster (HUB_KAFKA_USERNAME)."
RATE: Final = "producer_byte_rate"
_TEXT: Final = String("utf-8")
_ENTITY: Final = ("entity", Array(("entity_type", _TEXT), ("entity_name", _TEXT)))
T = TypeVar("T")


class _Altered(Response):  # type: ignore[misc]  # aiokafka is published without types
    API_KEY = 49
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32), ("entries", Array(("error_code", Int16), ("error_message", _TEXT), _ENTITY))
    )


class _AlterStruct(RequestStruct):  # type: ignore[misc]
    API_KEY: ClassVar[int] = 49
    API_VERSION: ClassVar[int] = 0
    RESPONSE_TYPE: ClassVar[type[Response]] = _Altered
    SCHEMA: ClassVar[Schema] = Schema(
        ("entries", Array(_ENTITY, ("ops", Array(("key", _TEXT), ("value", Float64), ("remove", Boolean))))),
        ("validate_only", Boolean),
    )


class _Alter(Request[_AlterStruct]):  # type: ignore[misc]
    API_KEY = 49

    def __init__(self, entries: list[Any]) -> None:
        self._entries = entries

    def build(self, request_struct_class: type[_AlterStruct]) -> _AlterStruct:
        return request_struct_class(self._entries, False)  # for real, not for validation


def limit(settings: Settings, users: Iterable[str], events_per_s: float | None) -> None:
    """Bound what these users write; None: no bound. Raises `Usage` when refused, `Retry` while Kafka is away."""
    value, remove = (0.0, True) if events_per_s is None else (events_per_s * EVENT_BYTES, False)
    entries = [([("user", user)], [(RATE, value, remove)]) for user in sorted(users)]
    answer = _asked(settings, lambda client: client._send_request(_Alter(entries)))  # noqa: SLF001
    for code, text, *_ in answer.entries:
        if code:
            raise Usage(f"Kafka refuses a quota: {text or for_code(code).__name__}.", REMEDY)


def limits(settings: Settings) -> dict[str, float]:
    """Bytes a second by user, for users that have a bound. Raises `Retry` while Kafka is away."""
    any_user = DescribeClientQuotasRequest([("user", 2, None)], strict=True)  # 2: whatever its name
    answer = _asked(settings, lambda client: client._send_request(any_user))  # noqa: SLF001
    if answer.error_code:
        raise Usage(f"Kafka does not tell quotas: {answer.error_message}.", REMEDY)
    found = {entity[0][1]: dict(values) for entity, values in answer.entries or ()}
    return {user: values[RATE] for user, values in found.items() if RATE in values}


def _asked(settings: Settings, ask: Callable[[AIOKafkaAdminClient], Awaitable[T]]) -> T:
    async def asked() -> T:
        client = AIOKafkaAdminClient(client_id="hub-quotas", **settings.kafka)
        try:
            await client.start()
            return await ask(client)
        finally:
            await client.close()

    try:
        return asyncio.run(asked())
    except (KafkaError, OSError) as error:
        raise Retry(f"Kafka does not answer about quotas ({type(error).__name__})") from error
