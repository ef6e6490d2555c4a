"""The façade's store of FHIR resources, in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from hub.core.state import Case
from hub.ledger.fhir import Held


class Kept:
    """`FhirStore` over a dictionary. `cases`: the ledger's cases as they are now."""

    def __init__(self, cases: Callable[[], Mapping[str, Case]] = dict) -> None:
        self.cases = cases
        self.rows: dict[tuple[str, str, str], Held] = {}
        self.keys: list[bytes] = []

    def get(self, agency: str, kind: str, id_: str) -> Held | None:
        return self.rows.get((agency, kind, id_))

    def named(self, agency: str, names: Collection[bytes]) -> list[Held]:
        mine = [held for (owner, _, _), held in self.rows.items() if owner == agency]
        return [held for held in mine if set(held.names) & set(names)]

    def put(self, agency: str, rows: Sequence[tuple[Held, bytes]]) -> None:
        for held, key in rows:
            self.keys.append(key)
            self.rows[agency, held.kind, held.id] = held

    def referrals(self, agency: str, number_key: bytes) -> dict[str, Case]:
        return {
            referral.id: case
            for case in self.cases().values()
            for referral in case.referrals.values()
            if referral.number_key == number_key and referral.agency == agency
        }
