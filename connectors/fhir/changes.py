"""Looks for changes of what was taken: a request, its patient, its consents, a part that came later. Owns this look.

Tasks say when they are changed by themselves; what stands behind them does not. So every request that has not ended is
asked about by its id, fifty at a time, and only those of which something was updated are put together anew.
"""

from __future__ import annotations

import asyncio
from typing import Final

from connectors.fhir.config import FhirConfig
from connectors.fhir.gathering import REQUEST, TASK, TOGETHER, Gathering
from connectors.fhir.memory import Known, Memory
from connectors.fhir.messages import Family
from connectors.fhir.pages import pages, updated
from connectors.fhir.searching import earlier, instant
from connectors.fhir.server import Server
from connectors.fhir.taking import Taking
from connectors.fhir.tasks import TAKEN_BACK, is_ours
from connectors.protocol import Take

#: Requests that are asked about at most, the newest.
WATCHED: Final = 10_000
_END: Final = 1 << 62
_KINDS: Final = (REQUEST, "Patient", "Consent", "RelatedPerson")


class Changes:
    """What was updated since the last look."""

    def __init__(
        self, config: FhirConfig, server: Server, gathering: Gathering, taking: Taking, memory: Memory
    ) -> None:
        self._config, self._server, self._gathering = config, server, gathering
        self._taking, self._memory = taking, memory
        #: The server's time of the last look; '' looks at everything once, after each start.
        self._since = ""

    async def round(self, take: Take) -> int:
        """Take what changed. Raises `Away`, `Full`."""
        before, seen, new = _END, 0, 0
        begun = ""
        async for page in pages(self._server, self._config.search, [("_count", "1")], 1):
            begun = instant(page.date)
        while seen < WATCHED:
            rows = await asyncio.to_thread(self._memory.open, before, TOGETHER)
            if not rows:
                break
            before, seen = rows[-1][0], seen + len(rows)
            new += await self._some([known for _, known in rows if known.request.startswith(f"{REQUEST}/")], take)
        self._since = earlier(begun, self._config.overlap_s)
        return new

    async def _some(self, rows: list[Known], take: Take) -> int:
        touched = await self._touched(rows)
        families = [Family(known.request, changed=touched[known.request]) for known in rows if known.request in touched]
        return await self._taking.families(families, {}, take) if families else 0

    async def _touched(self, rows: list[Known]) -> dict[str, str]:
        """Requests of which something was updated, and when."""
        found: dict[str, str] = {}
        for kind in _KINDS:
            owners: dict[str, list[str]] = {}
            for known in rows:
                for name in {known.request, *known.members}:
                    if name.startswith(f"{kind}/"):
                        owners.setdefault(name, []).append(known.request)
            ids = sorted(name.partition("/")[2] for name in owners)
            for name, value in await self._gathering.changed(kind, "_id", ids, self._since):
                for request in owners.get(name, ()):
                    found[request] = max(found.get(request, ""), instant(updated(value)))
        names = {known.request for known in rows}
        for _, value in await self._gathering.changed(REQUEST, "based-on", sorted(names), self._since):
            found |= dict.fromkeys(names.intersection(self._gathering.above(value)), instant(updated(value)))
        if self._config.search == REQUEST:
            await self._tasks(rows)
        return found

    async def _tasks(self, rows: list[Known]) -> None:
        """Tasks that were made for requests, and that somebody took back there."""
        owners = {name: known.request for known in rows for name in known.tasks}
        ids = sorted(name.partition("/")[2] for name in owners)
        held = await self._gathering.changed(TASK, "_id", ids, self._since)
        revoked = [(n, v) for n, v in held if v.get("status") in TAKEN_BACK and not is_ours(v) and n in owners]
        await self._taking.revoke((name, owners[name], instant(updated(value))) for name, value in revoked)
