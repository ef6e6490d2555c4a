"""What PostgreSQL tells of messages' referrals is what the same history tells in memory, in one statement."""

from __future__ import annotations

import random

from hub.core.sealing import cause_digest
from hub.ledger.reads import Pool, Reads
from tests.audit.filled import Filled, steps_of
from tests.core.decide.world import World


def test_receipts_in_bulk_are_what_happened(empty: Filled) -> None:
    world = World()
    first = world.refer("식품", id_="one", 성명="강복남")
    world.refer("식품; 세탁", id_="two", 성명="강복남")
    world.refer(성명="", id_="none", 생년월일="", 전화번호="", 주소="")
    referral = world.referral(first)
    world.answer(referral.receiver, referral.id, "accept")
    empty.write(steps_of(world), random.Random(3))  # noqa: S311 - slice sizes
    pool = Pool(empty.url, size=1)
    source = "//agency/sangbong/test"
    pepper = empty.policy.keys.pepper
    causes = {id_: cause_digest(pepper, source, id_) for id_ in ("one", "two", "none", "never")}
    told = Reads(pool, empty.policy.keys).receipts(list(causes.values()))
    pool.close()
    assert causes["never"] not in told
    assert told[causes["none"]].verdict.verdict == "refused"
    assert told[causes["none"]].referrals == ()
    assert told[causes["none"]].verdict.facts["reasons"]
    (one,) = told[causes["one"]].referrals
    assert one == next(c.referrals[one.id] for c in world.state.cases.values() if one.id in c.referrals)
    assert one.state == "accepted"
    assert len(told[causes["two"]].referrals) >= 1
