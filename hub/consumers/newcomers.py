"""Topics that belong to nobody: a new agency's, made while a consumer restarted. Owns noticing them, and asking.

A static member that comes back within its session is handed its old share, and the group does not look for topics made
meanwhile: a new agency's messages would wait for the next rebalance, whenever that is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog

log = structlog.get_logger()
#: Calls (a second apart) between two looks. What belongs to nobody twice in a row is asked for.
EVERY: Final = 10


class Newcomers:
    """One member's view of topics without an owner."""

    def __init__(self) -> None:
        self._calls = 0
        self._unclaimed: frozenset[str] = frozenset()

    async def look(
        self,
        consumer: Any,  # noqa: ANN401 - aiokafka's consumer
        claimed: Callable[[], Awaitable[Mapping[tuple[str, int], int]]],
    ) -> None:
        """Ask the group to divide its topics again where one was nobody's for two looks. Only its leader is heard."""
        self._calls += 1
        if consumer is None or self._calls % EVERY:
            return
        owned = {topic for topic, _ in await claimed()}
        waiting = consumer.subscription() - owned
        if waiting & self._unclaimed:
            log.warning("topics_belong_to_nobody", topics=len(waiting))
            consumer._coordinator.request_rejoin()  # noqa: SLF001 - aiokafka has no public way to ask
        self._unclaimed = frozenset(waiting)
