"""`hub person` and `hub review` against a hub in memory: what their screens say, what a word causes, what a no says."""

from __future__ import annotations

import asyncio
import itertools
import json
import string
from collections.abc import Callable, Mapping
from typing import Any, Self

import httpx
import pytest

from hub.cli import HOLDS, USAGE, main, viewing
from hub.cli.asking import Asking
from hub.cli.sayings import SAYS
from hub.cli.screens import LONGEST, Language, why
from hub.schemas.native.identity import IdentityReason
from hub.web.app import create_app
from tests.core.decide.telling import web_deps
from tests.core.decide.world import World

SHARED = {"생년월일": "1951-04-03", "전화번호": "010-4111-7222", "주소": "진주시 평거로 88, 205동 301호"}
MOVED = {"성명": "강보람", "생년월일": "", "전화번호": "010-9333-1444", "주소": "진주시 상봉로 12, 1동 102호"}
VALUES = ("강복", "복남", "복순", "보람", "1951", "04-03", "4111", "7222", "평거", "상봉로", "301")
Run = Callable[..., str]


class InMemory(Asking):
    """The API asked without a socket."""

    app: Any = None

    def __init__(self, agency: str = "city", state: object = None) -> None:
        del state
        self._headers = {"Authorization": f"Bearer token-{agency}"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        pass

    def _sent(self, method: str, path: str, **content: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
                return await client.request(method, path, headers=self._headers, **content)

        return asyncio.run(ask())


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command; what it printed."""
    InMemory.app = create_app(web_deps(world))
    monkeypatch.setattr(viewing, "Asking", InMemory)

    def ran(*words: str, status: int = HOLDS) -> str:
        assert main(list(words)) == status
        printed = capsys.readouterr()
        return printed.out if status == HOLDS else printed.err

    return ran


@pytest.fixture
def persons(world: World) -> dict[str, str]:
    """Three mentions of one woman, her sister, and somebody no machine would link; ids of persons and mentions."""
    first = world.refer(성명="강복남", **SHARED)
    world.refer("세탁", 성명="강복남", **SHARED | {"전화번호": ""})
    world.refer("도배", 성명="강봉남", **SHARED | {"주소": ""})
    ids = {"first": world.referral(first).record}
    ids["sister"] = world.referral(world.refer(성명="강복순", **SHARED)).record
    ids["moved"] = world.referral(world.refer(**MOVED)).record
    return ids | {f"{name}_person": world.state.person_of(record) for name, record in ids.items()}


def merged_by_hand(world: World, persons: Mapping[str, str]) -> None:
    """The spelling the machine left to a person, merged."""
    (third,) = [r.id for r in world.state.records.values() if r.person not in set(persons.values())]
    world.judge("same", persons=[persons["first_person"], world.state.person_of(third)])


# ------------------------------------------------------------------ one screen
@pytest.mark.parametrize("lang", ["ko", "en"])
def test_a_person_of_three_mentions_fits_one_screen(run: Run, world: World, persons: dict[str, str], lang: str) -> None:
    merged_by_hand(world, persons)
    lines = run("person", "why", persons["first_person"], "--lang", lang).splitlines()
    assert sum(line.startswith("[") for line in lines) == 3
    assert len(lines) <= 24


def test_words_come_before_bars_and_bars_before_the_sum(run: Run, persons: dict[str, str]) -> None:
    lines = run("person", "why", persons["first_person"]).splitlines()
    words = next(n for n, line in enumerate(lines) if "생년월일" in line and "같음" in line and "▇" not in line)
    bars = [n for n, line in enumerate(lines) if "▇" in line]
    total = next(n for n, line in enumerate(lines) if "필요 +10.0" in line)
    assert words < min(bars)
    assert max(bars) < total


def test_the_bars_of_one_tie_add_up_to_its_sum(run: Run, persons: dict[str, str]) -> None:
    lines = run("person", "why", persons["first_person"], "--lang", "en").splitlines()
    shown = [next(w for w in line.split() if w[0] in "+−") for line in lines if {"▇", "▁"} & set(line)]
    told = next(line.rpartition("has ")[2].split()[0] for line in lines if "needed" in line)
    bits = [float(w.replace("−", "-")) for w in (*shown, told)]
    assert sum(bits[:-1]) == pytest.approx(bits[-1], abs=0.05 * len(shown))


def test_beyond_a_few_mentions_only_the_weakest_tie_shows_its_bars(
    run: Run, world: World, persons: dict[str, str]
) -> None:
    for need in ("청소", "동행", "이미용"):
        world.refer(need, 성명="강복남", **SHARED)
    lines = run("person", "why", persons["first_person"]).splitlines()
    assert sum(line.startswith("[") for line in lines) >= 5
    blocks = [list(g) for bars, g in itertools.groupby(lines, lambda x: bool({"▇", "▁"} & set(x))) if bars]
    assert len(blocks) == 1


def test_a_bar_has_an_end() -> None:
    field = {"level": "x", "words": {"ko": "x", "en": "x"}, "bits": 900.0}
    link = {
        "record": "b", "other": "a", "model": "m",
        "words": {"ko": "x", "en": "x"}, "fields": [field], "bits": 900.0, "needed": 10.0,
        "then": None, "guard": "", "guard_words": None, "said": None, "how": "machine",
    }  # fmt: skip
    rows = [{"record": "a", "position": 1, "link": None}, {"record": "b", "position": 2, "link": link}]
    told = {"person": "p", "records": rows, "possibly": []}
    assert max(line.count("▇") for line in why(told, Language.en)) == LONGEST


# ------------------------------------------------------------------ what the screens say
def test_a_workers_word_is_told_with_agency_reason_and_date(run: Run, world: World, persons: dict[str, str]) -> None:
    world.judge("same", persons=[persons["first_person"], persons["moved_person"]])
    assert "담당자가 이음(city, 본인에게 물어봄, 2026-11-02)" in run("person", "why", persons["first_person"])


def test_who_else_it_may_be_is_told_with_what_stopped_the_machine(run: Run, persons: dict[str, str]) -> None:
    shown = run("person", "why", persons["first_person"], "--lang", "en")
    assert persons["sister_person"] + " · " in shown
    assert "what stopped the machine: possibly twins" in shown


def test_why_not_says_how_to_make_them_one_and_that_way_works(run: Run, persons: dict[str, str]) -> None:
    shown = run("person", "why-not", persons["first_person"], persons["moved_person"])
    assert "증거가 모자람" in shown
    command = shown.splitlines()[-1].partition("hub ")[2].split()
    assert "합쳐짐" in run(*command)
    assert "두 번호는 같은 대상자" in run("person", "why-not", persons["first_person"], persons["moved_person"])


def test_a_merge_says_how_to_take_it_back_and_that_way_works(run: Run, world: World, persons: dict[str, str]) -> None:
    words = (
        "person",
        "merge",
        persons["first_person"],
        persons["moved_person"],
        "--reason",
        "documents_seen",
        "--text",
        "주민등록증",
    )
    merged = run(*words, "--lang", "en")
    assert "person {moved_person} is now {first_person}".format_map(persons) in merged
    assert "is a duplicate of" in merged
    command = merged.splitlines()[-1].partition("hub ")[2].split()
    assert "나뉨" in run(*command)
    assert world.state.person_of(persons["moved"]) == persons["moved_person"]


def test_mentions_can_be_named_to_unmerge(run: Run, world: World, persons: dict[str, str]) -> None:
    mine = list(world.state.persons[persons["first_person"]])
    assert len(mine) == 2
    run("person", "unmerge", persons["first_person"], mine[1], "--reason", "asked_person", "--as", "dong-pyeonggeo")
    assert world.state.person_of(mine[0]) != world.state.person_of(mine[1])


def test_how_tells_the_steps_in_order(run: Run, world: World, persons: dict[str, str]) -> None:
    world.judge("same", persons=[persons["first_person"], persons["moved_person"]])
    lines = run("person", "how", persons["first_person"]).splitlines()
    positions = [int(line.split()[0]) for line in lines[1:]]
    assert positions == sorted(positions)
    assert "새 대상자" in lines[1]
    assert "담당자 city, 본인에게 물어봄, 2026-11-02: 같은 사람" in lines[-2]


def test_a_review_is_listed_shown_and_answered(run: Run, world: World, persons: dict[str, str]) -> None:
    listed = run("review", "list").splitlines()
    assert "쌍둥이일 수 있음" in "".join(listed)
    id_ = next(
        r.id for r in world.state.reviews.values() if {persons["first"], persons["sister"]} == {r.record, r.other}
    )
    shown = run("review", "show", id_)
    assert "답에 달린 것: 중복 의뢰" in shown
    answered = run("review", "decide", id_, "apart", "--reason", "asked_person")
    assert "대상자는 그대로임" in answered
    assert id_ not in run("review", "list")
    assert "다른 사람" in run("review", "list", "--all")


def test_without_reviews_it_says_so(run: Run) -> None:
    assert run("review", "list", "--lang", "en").strip() == "no review is waiting"


def test_no_screen_repeats_a_value(run: Run, world: World, persons: dict[str, str]) -> None:
    world.judge("same", persons=[persons["first_person"], persons["moved_person"]], text="주소가 상봉로로 바뀜")
    reviewed = next(iter(world.state.reviews))
    shown = [
        run("person", "why", persons["first_person"]),
        run("person", "how", persons["first_person"]),
        run("person", "why-not", persons["first_person"], persons["sister_person"]),
        run("review", "show", reviewed),
        run("person", "why", persons["first_person"], "--json"),
    ]
    assert not [value for value in VALUES for text in shown if value in text]


def test_json_is_what_the_api_answers(run: Run, persons: dict[str, str]) -> None:
    assert json.loads(run("person", "why", persons["first_person"], "--json"))["person"] == persons["first_person"]
    assert json.loads(run("review", "list", "--json"))[0]["state"] == "open"


# ------------------------------------------------------------------ what a no says
def test_an_unknown_person_comes_with_a_way_to_find_one(run: Run) -> None:
    assert "hub case show" in run("person", "why", "0191d0c4", status=USAGE)


@pytest.mark.parametrize("reason", ["because", "other"])
def test_a_reason_that_does_not_do_is_refused_in_words(run: Run, persons: dict[str, str], reason: str) -> None:
    told = run("person", "merge", persons["first_person"], persons["moved_person"], "--reason", reason, status=USAGE)
    assert "asked_person" in told if reason == "because" else "needs a text" in told


def test_who_may_not_decide_is_told_who_may(run: Run, persons: dict[str, str]) -> None:
    words = (
        "person",
        "merge",
        persons["first_person"],
        persons["moved_person"],
        "--reason",
        "asked_person",
        "--as",
        "sangbong",
    )
    assert "city desk, a dong center" in run(*words, status=USAGE)


# ------------------------------------------------------------------ the words themselves
def test_both_languages_say_the_same_things_about_the_same() -> None:
    def holes(line: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(line) if name}

    assert {key: holes(line) for key, line in SAYS["ko"].items()} == {k: holes(line) for k, line in SAYS["en"].items()}


def test_the_reasons_in_the_help_are_those_of_the_wire() -> None:
    assert IdentityReason.__args__ == viewing.REASONS  # type: ignore[attr-defined]
