"""Cases, referrals, persons and timelines: what is withheld, what does not exist, and that a read is recorded first."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from hub.core.state import Signal
from hub.schemas.topics import ACCESS

CASE, SECRET_CASE = 0xC1, 0xC2
OPEN, SECRET, RESTRICTED = 1, 2, 3
PERSON, SECRET_PERSON = 0xA1, 0xA2


@pytest.fixture(autouse=True)
def town(fake: Any, kit: Any) -> None:
    """One household: a hospital's referral offered to the housing corporation, a victim's secret ones beside it."""
    case, other = kit.uid(CASE), kit.uid(SECRET_CASE)
    fake.refer(kit.referral(OPEN, "hosp", receiver="lh", tried=["lh"]), case, kit.uid(PERSON))
    secret = kit.referral(SECRET, "victim", "trauma_counseling", secret=True, dong="비밀동", state="accepted")
    fake.refer(secret, case, kit.uid(SECRET_PERSON))
    hidden = kit.referral(RESTRICTED, "victim", "emergency_shelter", restricted=True, secret=True, dong="")
    fake.refer(hidden, other, kit.uid(0xA3))


def accept(fake: Any, kit: Any, number: int = OPEN, **more: Any) -> None:
    import msgspec  # noqa: PLC0415

    for case in fake.case_docs.values():
        if kit.uid(number) in case.referrals:
            held = case.referrals[kit.uid(number)]
            case.referrals[kit.uid(number)] = msgspec.structs.replace(held, state="accepted", **more)


def accesses(fake: Any) -> list[dict[str, Any]]:
    return [orjson.loads(value) for topic, _, value in fake.published if topic == ACCESS]


# ------------------------------------------------------------------ nothing to see
ADDRESSES = ("/v1/cases/{}", "/v1/cases/{}/timeline", "/v1/referrals/{}", "/v1/persons/{}")
BAD_IDS = ("x", "%00", "%ff", "-" * 36, "a" * 36, "a" * 5000, "..%2f", "00000000-0000-0000-0000-00000000000G", "١" * 36)


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("id_", BAD_IDS)
async def test_what_is_no_id_is_404(web: Any, address: str, id_: str) -> None:
    assert (await web.get(address.format(id_))).status_code == 404


@pytest.mark.parametrize("agency", ["hosp", "lh", "dong", "city", "auditor", "none"])
async def test_what_exists_only_through_secrets_is_the_same_404_as_nonsense(
    web: Any, fake: Any, kit: Any, agency: str
) -> None:
    nonsense = {(await web.get(a.format(kit.nonsense), agency)).content for a in ADDRESSES}
    secret = [
        await web.get(f"/v1/cases/{kit.uid(SECRET_CASE)}", agency),
        await web.get(f"/v1/cases/{kit.uid(SECRET_CASE)}/timeline", agency),
        await web.get(f"/v1/referrals/{kit.uid(SECRET)}", agency),
        await web.get(f"/v1/referrals/{kit.uid(RESTRICTED)}", agency),
        await web.get(f"/v1/persons/{kit.uid(SECRET_PERSON)}", agency),
        await web.get(f"/v1/persons/{kit.uid(0xA3)}", agency),
    ]
    assert {a.status_code for a in secret} == {404}
    assert {a.content for a in secret} == nonsense
    assert {tuple(sorted(a.headers)) for a in secret} == {("content-length", "content-type")}
    assert fake.published == []


async def test_a_purpose_named_wrongly_does_not_tell_secret_from_nonsense(web: Any, kit: Any) -> None:
    for number in (SECRET, 0xDEAD):
        assert (await web.get(f"/v1/referrals/{kit.uid(number)}?purpose=audit", "lh")).status_code == 404


# ------------------------------------------------------------------ cases
async def test_a_case_shows_nothing_that_only_a_secret_referral_tells(web: Any, kit: Any) -> None:
    answer = await web.get(f"/v1/cases/{kit.uid(CASE)}", "dong")
    value = answer.json()
    assert [r["id"] for r in value["referrals"]] == [kit.uid(OPEN)]
    assert value["members"] == [{"person": kit.uid(PERSON), "referrals": [kit.uid(OPEN)]}]
    assert [n["id"] for n in value["needs"]] == [kit.uid(0x200 + OPEN)]
    for trace in (kit.uid(SECRET), kit.uid(SECRET_PERSON), "비밀동", "trauma_counseling", "seq", "version"):
        assert trace not in answer.text


async def test_a_hidden_referral_for_the_same_need_does_not_change_its_state(web: Any, fake: Any, kit: Any) -> None:
    twin = kit.referral(9, "victim", need=kit.uid(0x200 + OPEN), restricted=True, state="accepted")
    fake.refer(twin, kit.uid(CASE), kit.uid(SECRET_PERSON))
    fake.case_docs[kit.uid(CASE)].referrals[kit.uid(OPEN)].state = "unplaced"
    needs = (await web.get(f"/v1/cases/{kit.uid(CASE)}", "dong")).json()["needs"]
    assert needs == [{"id": kit.uid(0x200 + OPEN), "code": "food", "since": kit.now, "state": "open"}]


async def test_its_source_sees_a_secret_case_and_the_read_is_recorded(web: Any, fake: Any, kit: Any) -> None:
    answer = await web.get(f"/v1/cases/{kit.uid(CASE)}", "victim")
    assert [r["need"] for r in answer.json()["referrals"]] == ["trauma_counseling"]
    assert "offence" in accesses(fake)[0]["data"]["classes"]


async def test_a_health_code_is_withheld_from_onlookers_and_recorded_for_those_involved(
    web: Any, fake: Any, kit: Any
) -> None:
    code = next(c for c, need in kit.rules.needs.items() if need.health and not need.secret)
    fake.refer(kit.referral(5, "hosp", code), kit.uid(CASE), kit.uid(PERSON))
    onlooker = (await web.get(f"/v1/cases/{kit.uid(CASE)}", "dong")).json()
    assert [n["code"] for n in onlooker["needs"]] == ["food", "withheld"]
    assert accesses(fake) == []
    involved = (await web.get(f"/v1/cases/{kit.uid(CASE)}", "hosp")).json()
    assert [n["code"] for n in involved["needs"]] == ["food", code]
    assert accesses(fake)[0]["data"]["classes"] == ["health"]


async def test_signals_are_for_welfare_and_their_sender_and_never_name_a_reporter(
    web: Any, fake: Any, kit: Any
) -> None:
    signal = Signal(kit.uid(0x51), "report", "none", "urgent", kit.now)
    fake.case_docs[kit.uid(CASE)].signals.append(signal)
    answer = await web.get(f"/v1/cases/{kit.uid(CASE)}", "dong")
    assert answer.json()["signals"] == [{"id": kit.uid(0x51), "kind": "report", "urgency": "urgent", "heard": kit.now}]
    assert (await web.get(f"/v1/cases/{kit.uid(CASE)}", "lh")).json()["signals"] == []
    assert (await web.get(f"/v1/cases/{kit.uid(CASE)}", "none")).json()["referrals"] == []


async def test_a_dissolved_case_leads_on_for_who_knows_what_moved_and_is_nonsense_for_others(
    web: Any, fake: Any, kit: Any
) -> None:
    from hub.core.state import Case  # noqa: PLC0415

    old, new = kit.uid(0xC0), kit.uid(CASE)
    fake.case_docs[old] = Case(id=old, joined_into=new)
    moved = {"person": kit.uid(PERSON), "left": old, "joined": new, "audience": ["a:hosp"], "moved": [kit.uid(SECRET)]}
    fake.post("household.changed", moved, old)
    assert (await web.get(f"/v1/cases/{old}", "victim")).json()["id"] == new
    assert (await web.get(f"/v1/cases/{old}", "dong")).status_code == 404


# ------------------------------------------------------------------ referrals and persons
async def test_an_offer_reveals_little(web: Any, fake: Any, kit: Any) -> None:
    value = (await web.get(f"/v1/referrals/{kit.uid(OPEN)}", "lh")).json()
    assert set(value["identity"].values()) == {"withheld"}
    assert (value["need"], value["dong"], value["state"]) == ("food", "상봉동", "offered")
    assert accesses(fake) == []


async def test_on_acceptance_name_phone_and_address_open_and_nothing_more(web: Any, fake: Any, kit: Any) -> None:
    accept(fake, kit)
    answer = await web.get(f"/v1/referrals/{kit.uid(OPEN)}", "lh")
    identity = answer.json()["identity"]
    assert identity["name"] == "대상자01"
    assert identity["address"] == {"text": "진주대로 1052", "dong": "상봉동"}
    for never in ("고관절", "protected", "4803021234567", "N-1"):
        assert never not in answer.text


async def test_who_reads_and_why_is_on_kafka_before_the_answer(web: Any, fake: Any, kit: Any) -> None:
    accept(fake, kit)
    await web.get(f"/v1/referrals/{kit.uid(OPEN).upper()}", "lh")
    (message,) = accesses(fake)
    assert message["source"] == "//agency/hub/web"
    assert message["data"] == {
        "reader": "lh", "what": "referral", "id": kit.uid(OPEN), "classes": ["contact", "identity"],
        "purpose": "housing", "at": kit.now, "case": kit.uid(CASE),
    }  # fmt: skip


async def test_without_the_acknowledgment_there_is_no_answer(web: Any, fake: Any, kit: Any) -> None:
    accept(fake, kit)
    fake.kafka_away = True
    answer = await web.get(f"/v1/referrals/{kit.uid(OPEN)}", "lh")
    assert answer.status_code == 503
    assert "대상자" not in answer.text


async def test_a_read_is_for_a_purpose_of_ones_own(web: Any, fake: Any, kit: Any) -> None:
    accept(fake, kit)
    assert (await web.get(f"/v1/referrals/{kit.uid(OPEN)}?purpose=audit", "lh")).status_code == 403
    assert accesses(fake) == []
    await web.get(f"/v1/referrals/{kit.uid(OPEN)}?purpose=treatment", "hosp")
    assert accesses(fake)[0]["data"]["purpose"] == "treatment"


async def test_a_protected_address_leaves_for_nobody(web: Any, fake: Any, kit: Any) -> None:
    accept(fake, kit)
    fake.bodies[kit.uid(0x100 + OPEN)] = kit.identity("한가영", protected=True)
    for agency in ("lh", "hosp"):
        answer = await web.get(f"/v1/referrals/{kit.uid(OPEN)}", agency)
        assert answer.json()["identity"]["address"] == "withheld"
        assert "진주대로" not in answer.text


async def test_only_the_source_reads_its_own_notes(web: Any, fake: Any, kit: Any) -> None:
    value = (await web.get(f"/v1/referrals/{kit.uid(OPEN)}", "hosp")).json()
    assert value["identity"]["notes"] == ["고관절"]
    assert accesses(fake)[0]["data"]["classes"] == ["contact", "identity", "notes"]


async def test_what_was_erased_is_named_as_erased(web: Any, fake: Any, kit: Any) -> None:
    accept(fake, kit)
    fake.bodies.clear()
    value = (await web.get(f"/v1/referrals/{kit.uid(OPEN)}", "lh")).json()
    assert value["identity"]["name"] == "erased"
    assert accesses(fake) == []


async def test_a_hidden_origin_is_withheld_even_from_the_receiver(web: Any, fake: Any, kit: Any) -> None:
    accept(fake, kit, origin_hidden=True)
    answer = await web.get(f"/v1/referrals/{kit.uid(OPEN)}", "lh")
    assert "hosp" not in answer.text


async def test_a_person_is_what_ones_own_mentions_tell(web: Any, fake: Any, kit: Any) -> None:
    fake.refer(kit.referral(6, "lh", "rent_arrears"), kit.uid(CASE), kit.uid(PERSON))
    value = (await web.get(f"/v1/persons/{kit.uid(PERSON)}", "lh")).json()
    assert [m["referral"] for m in value["mentions"]] == [kit.uid(OPEN), kit.uid(6)]
    assert [m["identity"]["name"] for m in value["mentions"]] == ["withheld", "대상자06"]
    assert value["identity"]["name"] == "대상자06"
    assert value["cases"] == [kit.uid(CASE)]


async def test_a_secret_mention_of_a_known_person_leaves_no_trace(web: Any, fake: Any, kit: Any) -> None:
    fake.refer(kit.referral(7, "victim", "crime_victim", secret=True), kit.uid(SECRET_CASE), kit.uid(PERSON))
    answer = await web.get(f"/v1/persons/{kit.uid(PERSON)}", "hosp")
    assert [m["referral"] for m in answer.json()["mentions"]] == [kit.uid(OPEN)]
    assert kit.uid(SECRET_CASE) not in answer.text


async def test_a_former_id_leads_to_the_person(web: Any, fake: Any, kit: Any) -> None:
    fake.aliases[kit.uid(0xA9)] = kit.uid(PERSON)
    assert (await web.get(f"/v1/persons/{kit.uid(0xA9)}", "hosp")).json()["id"] == kit.uid(PERSON)


async def test_personal_answers_stay_out_of_caches(web: Any, kit: Any) -> None:
    answer = await web.get(f"/v1/persons/{kit.uid(PERSON)}", "hosp")
    assert answer.headers["cache-control"] == "no-store"


# ------------------------------------------------------------------ timelines
def happen(fake: Any, kit: Any) -> None:
    case = kit.uid(CASE)
    everyone, victims = ["a:hosp", "a:lh", "p:welfare"], ["a:victim", "p:victim_support"]
    recorded = {"agency": "hosp", "referral": kit.uid(OPEN), "code": "food", "person": kit.uid(PERSON), "record": "r"}
    fake.post("referral.recorded", recorded | {"audience": everyone, "flags": ["possibly_same"]}, case)
    hidden = {"agency": "victim", "referral": kit.uid(SECRET), "person": kit.uid(SECRET_PERSON)}
    fake.post("referral.recorded", hidden | {"audience": victims}, case)
    # An entry whose audience is wider than its referral must not open it.
    fake.post("referral.offered", {"referral": kit.uid(SECRET), "to": "lh", "audience": everyone}, case)
    moved = {"person": kit.uid(SECRET_PERSON), "joined": case, "left": kit.uid(0xC9), "audience": everyone}
    fake.post("household.changed", moved, case)
    fake.post("household.changed", moved | {"person": kit.uid(PERSON)}, case)
    withdrawn = {"referral": kit.uid(OPEN), "by": "hosp", "to": "withdrawn", "audience": everyone}
    fake.post("referral.changed", withdrawn, case)
    fake.post("access.recorded", {"reader": "lh", "audience": ["p:audit"]}, case)
    corrected = {"referrals": [kit.uid(OPEN), kit.uid(SECRET)], "urgency": {kit.uid(SECRET): "sos"}}
    fake.post("referral.corrected", corrected | {"audience": everyone}, case)


async def test_a_timeline_skips_without_a_gap_what_must_not_be_known(web: Any, fake: Any, kit: Any) -> None:
    happen(fake, kit)
    answer = await web.get(f"/v1/cases/{kit.uid(CASE)}/timeline", "dong")
    entries = answer.json()["entries"]
    assert [(e["position"], e["kind"]) for e in entries] == [
        (1, "referral.recorded"), (5, "household.changed"), (6, "referral.changed"), (8, "referral.corrected"),
    ]  # fmt: skip
    assert entries[0]["facts"] == {"referral": kit.uid(OPEN), "code": "food"}
    assert entries[1]["facts"] == {"person": kit.uid(PERSON), "change": "joined"}
    assert entries[2]["facts"]["by"] == "source"
    assert entries[3]["facts"] == {"referrals": [kit.uid(OPEN)], "urgency": {}}
    for trace in (kit.uid(SECRET), kit.uid(SECRET_PERSON), kit.uid(0xC9), "possibly_same", "seq"):
        assert trace not in answer.text


async def test_a_timeline_ends_at_nothing_hidden_however_much_there_is(
    web: Any, fake: Any, kit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.web.records.SCAN", 2)
    happen(fake, kit)
    for _ in range(5):
        fake.post("access.recorded", {"reader": "lh", "audience": ["p:audit"]}, kit.uid(CASE))
    value = (await web.get(f"/v1/cases/{kit.uid(CASE)}/timeline", "dong")).json()
    assert ([e["position"] for e in value["entries"]], value["next"]) == ([1, 5, 6, 8], 8)
    rest = (await web.get(f"/v1/cases/{kit.uid(CASE)}/timeline?after=8", "dong")).json()
    assert (rest["entries"], rest["next"]) == ([], 8)


async def test_a_timeline_goes_on_behind_a_position(web: Any, fake: Any, kit: Any) -> None:
    happen(fake, kit)
    address = f"/v1/cases/{kit.uid(CASE)}/timeline"
    first = (await web.get(address + "?limit=2", "dong")).json()
    rest = (await web.get(f"{address}?after={first['next']}", "dong")).json()
    assert [e["position"] for e in first["entries"] + rest["entries"]] == [1, 5, 6, 8]
    end = (await web.get(f"{address}?after={rest['next']}", "dong")).json()
    assert (end["entries"], end["next"]) == ([], rest["next"])
