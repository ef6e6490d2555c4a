"""Which resources belong to a request, fetched in as few searches as their number allows. Owns following references.

Only what a request needs is asked for: its patient, its parts, the consents it or its Task names, who gave them. What
is named and cannot be had refuses the request, with the element that names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import structlog

from connectors.fhir.messages import Family
from connectors.fhir.pages import Unreadable, pages, reference
from connectors.fhir.server import Away, Json, Server, Unsupported
from connectors.fhir.tasks import TAKEN_BACK, is_ours
from hub.schemas.canonical import Refusal

log = structlog.get_logger()
REQUEST, TASK = "ServiceRequest", "Task"
#: Names of one search: with ids of 64 characters its address stays under 4 KiB.
TOGETHER: Final = 50
#: Pages of such a search; each name has one resource.
FEW: Final = 20
#: How deep parts of parts, and references of references, are followed.
DEEP: Final = 3
#: Elements that lead to what a request needs, by kind.
_LEADING: Final = {
    REQUEST: ("subject", "supportingInfo"),
    TASK: ("for", "input"),
    "Consent": ("patient", "performer"),
}
_NEEDED: Final = frozenset({"Patient", "Consent", "RelatedPerson"})
#: Searches of one resource that may fail before it counts as unreadable.
PATIENCE: Final = 3
Pool = dict[str, Json | Unreadable]


class Gathering:
    """Puts families together."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._failed: dict[str, int] = {}
        self._unsupported: set[tuple[str, str]] = set()

    async def families(self, wanted: Sequence[Family], pool: Pool) -> None:
        """Fill these families. pool: what came along with their Tasks; grows by what is fetched. Raises `Away`."""
        await self.fetch((family.request for family in wanted), pool)
        for family in wanted:
            self._add(family, family.request, "Task.focus", pool)
        await self._parts([family for family in wanted if family.members], pool)
        for _ in range(DEEP):
            found = [(family, list(self._led_to(family))) for family in wanted if family.members]
            await self.fetch((name for _, led in found for name, _ in led), pool)
            for family, led in found:
                for name, path in led:
                    self._add(family, name, path, pool)

    async def fetch(self, names: Iterable[str], pool: Pool) -> None:
        """Read what the pool lacks. What is not there stays absent. Raises `Away`."""
        missing = sorted({name for name in names if name} - pool.keys())
        for kind in sorted({name.partition("/")[0] for name in missing}):
            ids = [name.partition("/")[2] for name in missing if name.startswith(f"{kind}/")]
            for start in range(0, len(ids), TOGETHER):
                await self._read(kind, ids[start : start + TOGETHER], pool)

    async def changed(self, kind: str, parameter: str, names: Sequence[str], since: str) -> list[tuple[str, Json]]:
        """Resources of this kind whose parameter names one of these, updated since ('': all of them).

        Empty where the server knows no such search: said once in the log.
        """
        when = [("_lastUpdated", f"ge{since}")] if since else []
        found: list[tuple[str, Json]] = []
        for start in range(0, len(names), TOGETHER):
            some = ",".join(names[start : start + TOGETHER])
            try:
                async for page in pages(self._server, kind, [(parameter, some), *when, ("_count", "100")], FEW):
                    found += [(h.name, h.value) for h in page.held if h.name and not isinstance(h.value, Unreadable)]
            except Unsupported as error:
                if (kind, parameter) not in self._unsupported:
                    log.warning("search_unsupported", resource=kind, parameter=parameter, reason=str(error))
                self._unsupported.add((kind, parameter))
        return [(name, value) for name, value in found if name.startswith(f"{kind}/")]

    def above(self, held: Json | Unreadable | None) -> list[str]:
        """The requests that a request is based on."""
        based = [] if held is None or isinstance(held, Unreadable) else _listed(held.get("basedOn"))
        names = (reference(one, self._server.base) for one in based)
        return [name for name in names if name.startswith(f"{REQUEST}/")]

    # ------------------------------------------------------------- inside
    async def _read(self, kind: str, ids: Sequence[str], pool: Pool) -> None:
        """Together; where the server cannot do that, one by one, so that one bad resource holds up no other."""
        try:
            async for page in pages(self._server, kind, [("_id", ",".join(ids)), ("_count", str(len(ids)))], FEW):
                pool.update((held.name, held.value) for held in page.held if held.name)
        except Away as error:
            failed = [f"{kind}/{id_}" for id_ in ids if not await self._alone(f"{kind}/{id_}", pool)]
            if len(failed) == len(ids) and all(self._failing(name) < PATIENCE for name in failed):
                raise
            pool.update((name, Unreadable("unavailable", str(error), "")) for name in failed if name not in pool)

    async def _alone(self, name: str, pool: Pool) -> bool:
        """Whether the server says anything of it."""
        try:
            answer = await self._server.get(name)
        except Away:
            return False
        value = answer.resource() if answer.ok else None
        if isinstance(value, Refusal):
            pool[name] = Unreadable(value.reasons[0].code, value.reasons[0].text, "")
        elif value is not None:
            pool[name] = value
        self._failed.pop(name, None)
        return True

    def _failing(self, name: str) -> int:
        self._failed[name] = self._failed.get(name, 0) + 1
        return self._failed[name]

    def _add(self, family: Family, name: str, path: str, pool: Pool) -> None:
        held = pool.get(name)
        if held is None:
            family.refuse(path, "not_found", f"this {name.partition('/')[0]} is not there, or not ours to read")
        elif isinstance(held, Unreadable):
            family.refuse(name.partition("/")[0], held.code, held.text)
        else:
            family.members.setdefault(name, held)

    async def _parts(self, wanted: Sequence[Family], pool: Pool) -> None:
        """Requests that are based on these, and on those."""
        owners = {family.request: family for family in wanted}
        level = list(owners)
        for _ in range(DEEP):
            found = await self.changed(REQUEST, "based-on", level, "") if level else []
            level = []
            for name, value in found:
                owner = next((owners[one] for one in self.above(value) if one in owners), None)
                if owner is not None and name not in owners:
                    pool[name] = owner.members[name] = value
                    owners[name] = owner
                    level.append(name)

    def _led_to(self, family: Family) -> Iterator[tuple[str, str]]:
        """What its resources name and it does not hold yet, with the element that names it."""
        held = [*family.members.items(), *family.tasks.items()]
        told = {reason.path for reason in family.reasons}
        for name, resource in held:
            kind = name.partition("/")[0]
            for element in _LEADING.get(kind, ()):
                for one in _listed(resource.get(element)):
                    base = self._server.base
                    target = reference(one, base) or reference(one.get("valueReference"), base)
                    path = f"{kind}.{element}"
                    if target.partition("/")[0] in _NEEDED and target not in family.members and path not in told:
                        yield target, path


def is_echo(task: Json) -> bool:
    """Whether a Task says nothing but what we wrote into it."""
    return is_ours(task) and task.get("status") in {"requested", *TAKEN_BACK}


def _listed(value: object) -> list[Json]:
    found = value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, dict)]
