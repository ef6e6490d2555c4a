"""Resources on their way to the ledger. Owns the order: read what is known, send what that makes, keep what was said.

Nothing is kept before Kafka holds the message: a crash in between leaves a message without a kept resource, and the
client, who got no answer, posts the same again under the same ids. What the ledger refuses is not kept at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from anyio import to_thread

from hub.core.calendar import later
from hub.core.directory import Agency
from hub.ledger.fhir import Held
from hub.web.courier import Courier, Sent
from hub.web.deps import WebDeps
from hub.web.door import Door
from hub.web.fhir.families import OVER, REQUEST, Families, Family
from hub.web.fhir.moving import Moving
from hub.web.fhir.outcome import wrong
from hub.web.fhir.resources import Part, Resource, is_id, name, names_of, part_codes, placed, reference
from hub.web.problems import ProblemError

#: How long a resource waits for a request that refers to it.
KEPT_DAYS: Final = 30
KEY_SIZE: Final = 32


class Taken(msgspec.Struct, frozen=True):
    """What became of a part: its row as kept now, and contradictions its sender should hear of.

    decided: whether the ledger has answered; created: whether it was not here before.
    """

    part: Part
    held: Held
    flags: tuple[str, ...] = ()
    decided: bool = True
    created: bool = True


class Submitting:
    """Takes parts: one, or all of a transaction."""

    def __init__(self, deps: WebDeps, door: Door, courier: Courier, moving: Moving) -> None:
        self._deps, self._door, self._courier, self._moving = deps, door, courier, moving
        self._families = Families(deps)

    async def known(self, agency: Agency, part: Part, condition: str = "") -> Part:
        """The part beside what is kept of it. `condition` (If-None-Exist) may find another that is meant."""
        return await to_thread.run_sync(self._known, agency.code, part, condition)

    async def take(self, agency: Agency, parts: Sequence[Part], sent: Resource | None = None) -> list[Taken]:
        """Send and keep. Raises the problem of the first refusal; then nothing was kept."""
        for part in parts:
            await to_thread.run_sync(self._anchored, agency.code, part, parts)
        families = await to_thread.run_sync(self._families.of, agency.code, parts, sent)
        self._door.spend(agency, max(1, len(families)))
        for part in parts:  # behind whatever may still refuse the request: a withdrawal is not taken back
            await self._taken_back(agency, part)
        messages = [family.message for family in families]
        told = await self._courier.submit(agency, messages, self._deps.limits.wait_s) if messages else []
        for family, one in zip(families, told, strict=True):
            _accepted(family, one)
        rows = self._rows(parts, families)
        fresh = [(row, self._deps.draw(KEY_SIZE)) for row in rows.values()]
        if fresh:
            await to_thread.run_sync(self._deps.fhir.put, agency.code, fresh)
        undecided = {p.name for f, one in zip(families, told, strict=True) if one.verdict is None for p in f.members}
        flags = {p.name: f.flags for f in families for p in f.members}
        return [self._taken(part, rows, flags.get(part.name, ()), part.name not in undecided) for part in parts]

    async def keep(self, agency: Agency, part: Part) -> Held:
        """Keep a Task's other elements. Its status stays as it first came: from then on the ledger tells it."""
        before = part.held.value if part.held and part.held.value else {}
        part.value = part.value | {name: before[name] for name in ("status", "focus") if name in before}
        row = self._row(part, self._deps.now())
        await to_thread.run_sync(self._deps.fhir.put, agency.code, [(row, self._deps.draw(KEY_SIZE))])
        return row

    # ------------------------------------------------------------- inside
    def _anchored(self, agency: str, part: Part, parts: Sequence[Part]) -> None:
        """A new Task is about a request known here."""
        if part.kind != "Task" or part.held is not None:
            return
        focus = reference(part.value.get("focus"))
        kind, _, id_ = focus.partition("/")
        if focus in {p.name for p in parts if p.kind == REQUEST}:
            return
        part.request = self._deps.fhir.get(agency, kind, id_) if kind == REQUEST and is_id(id_) else None
        if part.request is None:
            text = "A Task is about a ServiceRequest that was sent here before, or comes in the same transaction."
            raise wrong("refused", f"{part.place}.focus", "focus_unknown", text)

    def _known(self, agency: str, part: Part, condition: str) -> Part:
        if condition:
            found = self._meant(agency, part.kind, condition)
            if found is not None and found.value is not None:
                return Part(part.kind, found.id, found.value, part.place, found, changed=False)
        part.held = self._deps.fhir.get(agency, part.kind, part.id)
        part.value = part.value | {"id": part.id}
        part.changed = part.held is None or part.held.value != part.value
        return part

    def _meant(self, agency: str, kind: str, token: str) -> Held | None:
        """The one resource with this identifier. Raises a problem when there are several."""
        key = name(self._deps.keys.pepper, "identifier", kind, token)
        found = [held for held in self._deps.fhir.named(agency, [key]) if held.kind == kind]
        if len(found) > 1:
            raise ProblemError("precondition", "If-None-Exist finds several resources.")
        return found[0] if found else None

    async def _taken_back(self, agency: Agency, part: Part) -> None:
        """A request that the ledger has and that is revoked now: its referrals are withdrawn, or nothing changes."""
        if part.kind != REQUEST or part.held is None or not part.held.number_key:
            return
        if part.changed and part.value.get("status") in OVER:
            codes = part_codes(part.held.value or part.value, self._deps.policy.mapping.codings)
            await self._moving.withdraw(agency, part.held.number_key, codes)

    def _rows(self, parts: Sequence[Part], families: Sequence[Family]) -> dict[str, Held]:
        """Rows to keep: what was sent now and is new, and requests that became a referral only now."""
        now = self._deps.now()
        rows = {part.name: self._row(part, now) for part in parts if part.changed or part.held is None}
        for family in families:
            for part in family.members:
                if part.kind not in {REQUEST, "Task"}:
                    continue
                row = rows.get(part.name) or part.held or self._row(part, now)
                if part.name not in rows and part.held and part.held.number_key and part is not family.members[0]:
                    continue
                names = names_of(self._deps.keys.pepper, part.kind, row.value or {}, family.number_key)
                id_, key = family.message.envelope.id, family.number_key
                rows[part.name] = msgspec.structs.replace(row, message=id_, number_key=key, names=names)
        return rows

    def _row(self, part: Part, now: str) -> Held:
        before = part.held or part.request
        number_key = before.number_key if before else b""
        names = names_of(self._deps.keys.pepper, part.kind, part.value, number_key)
        message = before.message if before else ""
        return Held(part.kind, part.id, now, later(now, days=KEPT_DAYS), names, part.value, number_key, message)

    def _taken(self, part: Part, rows: dict[str, Held], flags: tuple[str, ...], decided: bool) -> Taken:  # noqa: FBT001
        row = rows.get(part.name) or part.held or self._row(part, self._deps.now())
        return Taken(part, row, flags, decided, created=part.held is None)


def _accepted(family: Family, one: Sent) -> None:
    """Raise the problem of a refusal, each reason at the element it is about."""
    verdict = one.verdict
    if verdict is None or verdict.verdict != "refused":
        return
    reasons = verdict.facts.get("reasons", [])
    raise ProblemError("refused", errors=placed(reasons, family.places))
