"""A blocking key that became generic: the links that rest on it alone are looked at again, a page at a time.

Owns when a key is retired and what becomes of its old links. Persons stay a function of the set of records: a link
counts while its two records share a key that still says something, whichever of them came first.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.core.decide import people
from hub.core.entry import Recorder
from hub.core.identity.identify import resettle
from hub.core.identity.partition import Record
from hub.core.sealing import person_id
from hub.core.state import GENERIC, State
from hub.schemas import topics
from hub.schemas.canonical import Reason, RedoClaim, Refusal

#: Records whose links one page looks at: each has at most a few hundred.
PAGE = 50
AUDIENCE = ("p:audit",)


def retire(recorder: Recorder) -> None:
    """Retire the keys that this message's record made generic; a continuation redoes what rested on them."""
    for key in recorder.message.keys:
        if len(recorder.state.keys.get(key, ())) == GENERIC + 1:
            recorder.emit("key.retired", {"audience": list(AUDIENCE), "key": str(key)})


def decide(recorder: Recorder, claim: RedoClaim) -> Refusal | None:
    """One page: drop the links that rest on retired keys alone, and settle the persons they held together."""
    if recorder.message.agency != topics.HUB:
        return Refusal((Reason("/type", "not_allowed", "work is continued by the hub itself"),))
    state = recorder.state
    waiting = sorted(_members(state, claim), key=_position)
    page = waiting[:PAGE]
    dropped = sorted({(newer, older) for record in page for newer, older in _stale(state, record)})
    components = sorted({state.records[newer].component for newer, _ in dropped})
    recorder.emit(
        "identity.redone",
        {
            "after": page[-1].seq if page else claim.after,
            "audience": list(AUDIENCE),
            "dropped": [newer for newer, _ in dropped],
            "dropped_from": [older for _, older in dropped],
            "key": str(claim.key),
            "more": len(waiting) > PAGE,
        },
    )
    for component in components:
        settle(recorder, component)
    return None


def settle(recorder: Recorder, component: str) -> None:
    """Recompute the persons of one component, and whatever follows for households and duplicates."""
    state = recorder.state
    changed = resettle(state, [component], recorder.policy.model, person_id)
    if not changed.persons:
        return
    audience = people.audience_of(recorder, state.members(component))
    near = state.homes_of(changed.persons)
    absorbed = people.follow(recorder, changed, audience)
    people.resettle(recorder, changed, absorbed, audience, near)


def _position(record: Record) -> int:
    return record.seq


def _members(state: State, claim: RedoClaim) -> Iterator[Record]:
    """Records that had the key when it was retired, behind the last page."""
    found = (state.records[id_] for id_ in state.keys.get(claim.key, ()))
    return (record for record in found if claim.after < record.seq <= claim.before)


def _stale(state: State, record: Record) -> Iterator[tuple[str, str]]:
    """Links of a record to others with which it shares only keys that say nothing."""
    keys = set(record.keys)
    for other in record.edges:
        if (older := state.records.get(other)) and all(state.is_generic(k) for k in keys.intersection(older.keys)):
            yield record.id, other
