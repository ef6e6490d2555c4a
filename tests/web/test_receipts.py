"""`POST /v1/receipts`: one's own messages in bulk, and nothing of anybody else's."""

from __future__ import annotations

from typing import Any

import orjson

from hub.core.sealing import cause_digest
from hub.ledger.reads import Verdict


def ask(web: Any, named: list[tuple[str, str]], agency: str = "hosp") -> Any:
    messages = [{"source": source, "id": id_} for source, id_ in named]
    return web.post("/v1/receipts", agency, content=orjson.dumps({"messages": messages}))


def decided(fake: Any, kit: Any, source: str, id_: str, verdict: Verdict, *referrals: Any) -> None:
    cause = cause_digest(kit.keys.pepper, source, id_)
    fake.found[cause] = verdict
    fake.brought[cause] = list(referrals)


MINE, THEIRS = "//agency/hosp/his", "//agency/lh/rows"


async def test_each_is_answered_in_the_order_asked(web: Any, fake: Any, kit: Any) -> None:
    reasons = [{"path": "/data/x", "code": "wrong", "text": "no"}]
    decided(fake, kit, MINE, "a", Verdict("recorded", 7, b""), kit.referral(1, "hosp", receiver="dong", due="2026"))
    decided(fake, kit, MINE, "b", Verdict("refused", 8, b"", {"reasons": reasons}))
    answer = await ask(web, [(MINE, "b"), (MINE, "never"), (MINE, "a")])
    b, never, a = answer.json()["receipts"]
    assert (b["status"], b["reasons"], b["referrals"]) == ("refused", reasons, [])
    assert (never["status"], never["id"], never["source"]) == ("pending", "never", MINE)
    assert (a["status"], a["position"]) == ("recorded", 7)
    assert a["referrals"] == [
        {
            "id": kit.uid(1), "number": "N-1", "need": "food", "state": "offered", "receiver": "dong", "due": "2026",
            "duplicate_of": "",
        }
    ]  # fmt: skip


async def test_a_strangers_message_is_answered_as_one_that_was_never_sent(web: Any, fake: Any, kit: Any) -> None:
    decided(fake, kit, THEIRS, "a", Verdict("recorded", 7, b""), kit.referral(1, "lh"))
    polls = fake.polls
    theirs, never = (await ask(web, [(THEIRS, "a"), (MINE, "a")])).json()["receipts"]
    assert {**theirs, "source": ""} == {**never, "source": ""}
    assert theirs["status"] == "pending"
    assert fake.polls == polls + 1


async def test_what_would_be_a_recorded_read_is_withheld(web: Any, fake: Any, kit: Any) -> None:
    health = next(code for code, need in kit.rules.needs.items() if need.health)
    decided(fake, kit, MINE, "h", Verdict("recorded", 1, b""), kit.referral(1, "hosp", health))
    decided(fake, kit, MINE, "s", Verdict("recorded", 2, b""), kit.referral(2, "hosp", secret=True))
    receipts = (await ask(web, [(MINE, "h"), (MINE, "s")])).json()["receipts"]
    assert [r["referrals"][0]["need"] for r in receipts] == ["withheld", "withheld"]
    assert fake.published == []


async def test_a_receipt_says_nothing_that_the_referral_itself_does_not(web: Any, fake: Any, kit: Any) -> None:
    referral = kit.referral(1, "hosp", receiver="dong", state="accepted")
    fake.refer(referral, kit.uid(0x900), kit.uid(0x800))
    decided(fake, kit, MINE, "a", Verdict("recorded", 1, b""), referral)
    told = (await ask(web, [(MINE, "a")])).json()["receipts"][0]["referrals"][0]
    shown = (await web.get(f"/v1/referrals/{referral.id}")).json()
    assert told == {name: shown[name] for name in told}


async def test_what_is_no_list_of_messages_is_refused(web: Any) -> None:
    for body in (b"[]", b"{", b'{"messages":[{"source":"x"}]}', b'{"messages":1}', b'{"messages":[],"more":1}'):
        assert (await web.post("/v1/receipts", content=body)).status_code == 400
    many = orjson.dumps({"messages": [{"source": MINE, "id": str(n)} for n in range(501)]})
    assert (await web.post("/v1/receipts", content=many)).status_code == 400
    assert (await ask(web, [(MINE, str(n)) for n in range(500)])).status_code == 200
