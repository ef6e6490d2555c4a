"""How a decision becomes an entry: deterministic JSON (RFC 8785) of one shape.

Owns the bytes of an entry. Values are strings, integers, booleans, arrays and objects with ASCII keys only, for
which sorted compact JSON and RFC 8785 are the same bytes. Never holds a name, a number or a date of a person.
"""

from __future__ import annotations

from typing import Any

import orjson

from hub.core.apply import apply
from hub.core.bodies import NOTHING, Opened
from hub.core.policy import Policy
from hub.core.prepared import Prepared, Sealed
from hub.core.sealing import derive_id
from hub.core.state import State
from hub.schemas.canonical import TickClaim

VERSION = 1
MAX_BYTES = 65_535
Entry = dict[str, Any]


def encode(entry: Entry) -> bytes:
    """The entry's bytes: what is hashed, stored and published from."""
    return orjson.dumps(entry, option=orjson.OPT_SORT_KEYS)


class Recorder:
    """Collects the entries one message causes, applying each to the state before the next is decided."""

    def __init__(self, state: State, message: Prepared, policy: Policy, actor: str = "agency") -> None:
        self.state = state
        self.message = message
        self.policy = policy
        self.rules = policy.rules
        self.entries: list[Entry] = []
        self.bodies: list[Sealed] = []
        agency = state.agency(message.agency)
        basis = agency.legal_basis if agency else ""
        purpose = agency.purposes[0] if agency and agency.purposes else ""
        digest = message.cause.hex()
        # Raised by the entries alone: a message that leaves none must leave no trace, or a replay could not agree.
        self.heard = max(state.heard, message.arrival.heard)
        #: What clocks count from. A tick's own time is in its data, so that a demo or a test can run ahead.
        self.now = max(self.heard, message.content.at) if isinstance(message.content, TickClaim) else self.heard
        self._frame = {
            "actor": {"role": actor},
            "at": getattr(message.content, "at", "") or message.arrival.heard,
            "cause": {"digest": digest, "sealed": message.raw.digest},
            "heard": self.heard,
            "legal_basis": basis,
            "purpose": purpose,
            "release": policy.release,
            "rules": policy.rules.digests,
            "schema": VERSION,
            "v": VERSION,
        }

    def emit(
        self,
        kind: str,
        facts: dict[str, Any],
        *,
        case: str = "",
        bodies: tuple[Sealed | None, ...] = (),
        opened: Opened = NOTHING,
    ) -> Entry:
        """Append one entry and apply it. `facts` must name its `audience`."""
        state = self.state
        written = [b for b in bodies if b is not None]
        known = state.cases.get(case)
        entry = {
            **self._frame,
            "bodies": [{"class": b.cls, "key_id": b.key_id, "sha256_of_ciphertext": b.digest} for b in written],
            "case": case,
            "facts": facts,
            "id": derive_id(self.message.cause, "entry", len(self.entries)),
            "kind": kind,
            "seq_in_case": (known.seq if known else 0) + 1 if case else 0,
        }
        self.entries.append(entry)
        self.bodies.extend(written)
        apply(state, entry, opened)
        return entry
