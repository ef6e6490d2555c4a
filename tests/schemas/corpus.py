"""The golden corpus: one accepted sample of everything that crosses the border or stands in the ledger, as it once was.

A file holds a `sample` and what it was `read` as. Samples are never rewritten: they stand for what partners sent and
the ledger holds. `python -m tests.schemas.corpus` adds those that are missing (a new format, kind or version); with
`--read` it also writes anew what each is read as, for a change that is meant: look at the difference before committing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import msgspec
import orjson

from hub.core.normalize import Mapping, normalize
from hub.schemas import topics
from hub.schemas.canonical import Refusal
from hub.schemas.entries import Entry, parse
from hub.schemas.envelope import CARRIES, Envelope
from hub.schemas.envelope import parse as parse_envelope
from hub.schemas.topics import Formats, Types, agency_of
from hub.schemas.upcast import CURRENT
from hub.web.schema_documents import short_name
from tests.core.decide.test_identity import crowd, sharing_a_phone
from tests.core.decide.world import World, policy
from tests.core.normalize.conftest import town_events

FOLDER = Path(__file__).parent / "golden"
SAMPLES = Path(__file__).parents[1] / "samples"
Json = dict[str, Any]


@lru_cache(maxsize=1)
def mapping() -> Mapping:
    return policy().mapping


# ------------------------------------------------------------------ reading
def read(name: str, sample: Json) -> Json:
    """What the hub understands: a claim of a message, an entry of the current version of an entry."""
    if name.startswith("entry/"):
        return dict(orjson.loads(parse(orjson.dumps(sample)).model_dump_json(by_alias=True, exclude_unset=True)))
    envelope = parse_envelope(orjson.dumps(sample), sample["source"].split("/")[3])
    assert isinstance(envelope, Envelope), envelope
    claim = normalize(envelope, mapping())
    assert not isinstance(claim, Refusal), claim
    return dict(msgspec.to_builtins(claim))


def files() -> dict[str, Path]:
    """The files there are, by name: 'native/housing-row-v1', 'entry/offer.expired-v1'."""
    return {str(path.relative_to(FOLDER).with_suffix("")): path for path in sorted(FOLDER.glob("*/*.json"))}


def needed() -> set[str]:
    """The samples there must be today."""
    pairs = {(type_, urn) for type_, formats in CARRIES.items() for urn in formats}
    kinds = {get_args(model.model_fields["kind"].annotation)[0] for model in get_args(get_args(Entry)[0])}
    return {named(type_, urn) for type_, urn in pairs} | {f"entry/{kind}-v{CURRENT}" for kind in kinds}


def named(type_: str, urn: str) -> str:
    """The name of a message's sample; what the hub says itself is told apart by type."""
    if urn == Formats.SYSTEM:
        return f"system/{'-'.join(type_.split('.')[2:])}"
    return f"native/{short_name(urn)}"


# ------------------------------------------------------------------ making
def made() -> Iterator[tuple[str, Json]]:
    """Samples from the town's files and from short histories, the same every time; the first of a name counts."""
    for _, event in town_events():
        yield named(event["type"], event["dataschema"]), event
    for world in (served(), judged(), crowded(), paged()):
        for arrival, outcome in world.arrivals:
            message = json.loads(arrival.value)
            if outcome.verdict != "refused" and agency_of(arrival.topic) == message["source"].split("/")[3]:
                yield named(message["type"], message["dataschema"]), message
        for entry in world.entries:
            held = json.loads(entry)
            yield f"entry/{held['kind']}-v{held['v']}", held


def served() -> World:
    """Referred, corrected, declined, expired, delivered; refused, read, suspended; an observation."""
    world = World()
    world.refer("식품", id_="first", 의뢰번호="SB-1", 성명="박순자")
    first = world.refer("식품", id_="second", 의뢰번호="SB-1", 성명="박순자", 긴급여부="긴급")
    assert first.entries
    referral = world.referral(world.refer("세탁"))
    world.answer(str(referral.receiver), referral.id, "decline", "no_capacity")
    other = world.referral(world.refer("청소"))
    world.tick(other.due)
    while (found := world.state.find(other.id)) and found[1].state == "offered":
        assert world.answer(str(found[1].receiver), other.id, "decline", "no_capacity").verdict == "recorded"
    world.refer("모르는 것")
    row = {"의뢰번호": "SB-90", "성명": "한가람", "전화번호": "010-4321-8765", "욕구": "식품", "긴급여부": False}
    place = {"schema": "public", "table": "referral", "lsn": 28282016, "txId": 757}
    change = {"rows": "welfare", "op": "u", "source": place, "after": row}
    world.send("sangbong", Types.REFERRAL, Formats.CHANGE, change)
    for _, event in town_events():
        if event["type"] == Types.SIGNAL:
            world.post(topics.inbound(event["source"].split("/")[3]), event)
    listed = json.loads((SAMPLES / "hsds" / "organization-full.json").read_text("utf-8"))
    world.send("sangbong", Types.DIRECTORY, Formats.HSDS, listed)
    access = {"reader": "city", "what": "case", "id": other.id, "classes": ["identity"], "purpose": "welfare"}
    world.post(topics.ACCESS, world.system(Types.ACCESS, access | {"at": world.now}, "read-1"))
    suspension = {"code": "lh", "action": "suspend"}
    world.post(topics.RULES, world.system(Types.AGENCY_STATE, suspension, "suspend-1"))
    return world


def judged() -> World:
    """Merged and set apart by hand, a question opened, a household split."""
    world = World()
    first = {"성명": "문석빈", "생년월일": "1970-01-15", "전화번호": "010-5111-2333", "성별": "남"}
    home = {"주소": "진주시 평거로 88, 205동 904호"}
    one = person_of(world, world.refer("식품", **first, **home))
    other = person_of(
        world, world.refer("식품", 성명="강미자", 생년월일="1950-03-02", 전화번호="010-6222-3444", **home)
    )
    world.judge("same", persons=[one, other])
    world.judge("apart", persons=[one], records=sorted(world.state.persons[other] or world.state.persons[one])[:1])
    twin = {"생년월일": "2010-05-05", "전화번호": "010-7333-4555", **home}
    world.refer("식품", 성명="이하늘", 성별="남", **twin)
    world.refer("식품", 성명="이하람", 성별="남", **twin)
    case = world.state.home(one)
    members = [p for p in world.state.cases[case].members if p != one]
    world.settle("split", case=case, persons=members[:1])
    return world


def person_of(world: World, outcome: Any) -> str:
    return world.state.records[next(e["facts"]["record"] for e in outcome.entries if e["facts"].get("record"))].person


def crowded() -> World:
    """A phone that so many share that it says nothing any more."""
    world = World()
    pair, others = sharing_a_phone()
    crowd(world, [*pair, *others])
    return world


def paged() -> World:
    """More offers run out than one transaction may end."""
    world = World()
    many = [world.referral(world.refer()) for _ in range(205)]
    world.tick(many[0].due)
    world.pages()
    return world


def main(*, anew: bool) -> None:
    missing = needed() - files().keys()
    samples: dict[str, Json] = {}
    for name, sample in made() if missing else ():
        samples.setdefault(name, sample)
    kept = {name: json.loads(path.read_text("utf-8"))["sample"] for name, path in files().items()} if anew else {}
    for name, sample in sorted((kept | {name: samples[name] for name in missing & samples.keys()}).items()):
        path = FOLDER / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text({"sample": sample, "read": read(name, sample)}), encoding="utf-8")
    print(f"added {sorted(missing & samples.keys())}, still missing {sorted(missing - samples.keys())}")  # noqa: T201


def text(held: Json) -> str:
    return json.dumps(held, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    main(anew="--read" in sys.argv)
