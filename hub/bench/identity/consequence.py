"""Which "possibly the same as" a human must look at: those whose answer would change money, safety or a duplicate.

Owns the measurement's reading of that rule, which is `hub.core.decide.reviews.consequences` over records instead of
referrals in a ledger. All are taken to be open at once, the strictest case: what is closed has no consequence any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.core.decide.reviews import MONEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hub.bench.identity.mentions import Mentioned
    from hub.core.rules import Rules


class Consequences:
    """What is asked for, by record."""

    def __init__(self, records: Sequence[Mentioned], rules: Rules) -> None:
        self._needs = {record.id: record.needs for record in records}
        self._hidden = {record.id for record in records if record.hidden}
        self._sos = {record.id for record in records if record.sos}
        self._money = {code for code, need in rules.needs.items() if need.field == MONEY}

    def of(self, mine: Iterable[str], others: Iterable[str]) -> list[str]:
        """What it would change if two persons, each given as records, were one: safety, duplicate, money."""
        mine, others = frozenset(mine), frozenset(others)
        asked, known = self._asked(mine), self._asked(others)
        found = []
        if (self._hidden & mine and self._hidden & others) or self._sos & (mine | others):
            found.append("safety")
        if asked & known:
            found.append("duplicate")
        if asked & self._money and known & self._money:
            found.append("money")
        return found

    def _asked(self, ids: Iterable[str]) -> set[str]:
        return {need for id_ in ids for need in self._needs[id_]}
