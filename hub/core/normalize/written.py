"""How one partner writes cells: its code tables, what an empty cell means, and the order of its dates.

Owns turning such a cell into the text that everybody's rules read. What none of it fits is handed on as it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from collections.abc import Mapping as MappingOf
from itertools import pairwise
from typing import Final

import msgspec

from hub.core.normalize.draft import Draft
from hub.core.normalize.placeholders import squeeze

_TOKEN: Final = re.compile(r"YYYY|YY|MM|DD|HH|mm|ss")
_DIGITS: Final = {"YYYY": r"\d{4}", "YY": r"\d{2}", "HH": r"\d{1,2}", "mm": r"\d{2}", "ss": r"\d{2}"}
_MANY: Final = frozenset({"need"})


class Written(msgspec.Struct, frozen=True):
    """codes: field → squeezed code → text. defaults: field → text. dates: patterns with named groups, for `dated`."""

    codes: dict[str, dict[str, str]] = {}
    defaults: dict[str, str] = {}
    dates: tuple[re.Pattern[str], ...] = ()
    dated: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        codes: dict[str, dict[str, str]],
        defaults: dict[str, str],
        dates: Iterable[str],
        dated: Collection[str],
    ) -> Written:
        """Of tables as they stand and date forms as DD/MM/YYYY. Raises ValueError for a form that is no date's."""
        return cls(codes, defaults, tuple(map(_pattern, dates)), frozenset(dated))

    def cell(self, draft: Draft, field: str, text: str) -> str:
        """The text of a cell as everybody's rules read it; what was done is noted."""
        if not text:
            return text
        if (meant := self.codes.get(field, {}).get(squeeze(text))) is not None:
            draft.note(field, ("partner_code",))
            return meant
        if field in self.dated:
            found = next((m for pattern in self.dates if (m := pattern.fullmatch(text.strip()))), None)
            if found:
                draft.note(field, ("partner_date",))
                return _iso(found.groupdict())
        return text

    def fill(self, draft: Draft) -> None:
        """What empty cells mean."""
        for field, text in self.defaults.items():
            if field in _MANY and not draft.many.get(field):
                draft.add(field, "", text)
            elif field not in _MANY and field not in draft.cells:
                draft.put(field, "", text)
            else:
                continue
            draft.note(field, ("partner_default",))


#: Nothing of its own: everybody's rules.
AS_EVERYBODY: Final = Written()


def _pattern(form: str) -> re.Pattern[str]:
    tokens = list(_TOKEN.finditer(form))
    named = [token[0] for token in tokens]
    if len({"YYYY", "YY"} & set(named)) != 1 or not {"MM", "DD"} <= set(named) or len(set(named)) != len(named):
        raise ValueError(f"{form!r} is no date form")
    # With nothing between them, day and month have two digits each: 2211 would be two dates.
    apart = all(left.end() < right.start() for left, right in pairwise(tokens))
    digits = _DIGITS | dict.fromkeys(("MM", "DD"), r"\d{1,2}" if apart else r"\d{2}")
    parts, end = [], 0
    for token in tokens:
        parts += [re.escape(form[end : token.start()]), f"(?P<{token[0]}>{digits[token[0]]})"]
        end = token.end()
    return re.compile("".join(parts) + re.escape(form[end:]), re.ASCII)


def _iso(found: MappingOf[str, str]) -> str:
    """YYYY-MM-DD, or YY-MM-DD whose century others decide; with the time of day where there is one."""
    day = f"{found.get('YYYY') or found['YY']}-{int(found['MM']):02}-{int(found['DD']):02}"
    clock = f" {int(found['HH']):02}:{found.get('mm') or '00'}:{found.get('ss') or '00'}" if found.get("HH") else ""
    return day + clock
