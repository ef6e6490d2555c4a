"""People whom the hub heard of several times: two mentions it links, one it cannot, and a twin sister."""

from __future__ import annotations

from typing import Any

FIRST = {
    "성명": "강복남",
    "생년월일": "1951-04-03",
    "전화번호": "010-4111-7222",
    "주소": "진주시 평거로 88, 205동 301호",
}
#: The same woman as another clerk heard her name, and after a move: no machine would link the last one.
HEARD = FIRST | {"성명": "강봉남", "주소": ""}
MOVED = {"성명": "강보람", "생년월일": "", "전화번호": "010-9333-1444", "주소": "진주시 상봉로 12, 1동 102호"}
TWIN = FIRST | {"성명": "강복순"}


class Town:
    """Four mentions: two the machine links, one it cannot, and the twin sister."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.records = [
            world.referral(world.refer(need, **cells)).record
            for need, cells in (("식품", FIRST), ("세탁", FIRST | {"전화번호": ""}), ("식품", MOVED), ("식품", TWIN))
        ]

    def person(self, place: int) -> str:
        held: str = self.world.state.person_of(self.records[place])
        return held

    def hide(self, place: int) -> None:
        """From here on only victim support knows of the referral behind a mention."""
        for case in self.world.state.cases.values():
            for referral in case.referrals.values():
                if referral.record == self.records[place]:
                    referral.secret = True
