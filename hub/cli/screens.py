"""Screens about who is who, for somebody who never saw a match weight: words first, then bars, then the sum.

Owns their lines, in Korean and English. Shows what the API answers and nothing else; never a personal value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from hub.cli.output import table
from hub.cli.sayings import SAYS
from hub.cli.timeline import moment
from hub.core.calendar import SEOUL

Told = Mapping[str, Any]


class Language(StrEnum):
    """In which a screen speaks."""

    ko = "ko"
    en = "en"


Lang = Annotated[Language, typer.Option("--lang", help="The language of the words.")]

#: Bits that one character of a bar stands for, and the longest bar.
PER_CHARACTER: Final = 2
LONGEST: Final = 13
#: Lines of evidence of one pair; what says least is summed up.
MOST_LINES: Final = 5
#: Up to so many mentions every tie is shown with its evidence, beyond only the weakest.
FEW: Final = 3


def say(lang: Language, line: str, **about: object) -> str:
    """One line of a screen."""
    return SAYS[lang][line].format(**about)


# ------------------------------------------------------------------ why
def why(told: Told, lang: Language) -> list[str]:
    """A person on one screen: each mention with what ties it to another, then who else it may be."""
    rows = told["records"]
    place = {row["record"]: n for n, row in enumerate(rows, 1)}
    ties = [row["link"] for row in rows if row["link"]]
    weakest = min(ties, key=lambda link: float(link["bits"]), default=None)
    lines = [say(lang, "person", person=told["person"], count=len(rows))]
    for n, row in enumerate(rows, 1):
        link = row["link"]
        if link is None:
            lines.append(say(lang, "first", n=n, record=row["record"]))
            continue
        other = link["other"] if link["record"] == row["record"] else link["record"]
        head = say(lang, "tied", n=n, record=row["record"], m=place.get(other, "?"), how=_linked(link, lang))
        lines += [head, *_indented(_pair(link, lang, bars=len(rows) <= FEW or link is weakest))]
    return [*lines, *_possibly(told, lang)]


def _linked(link: Told, lang: Language) -> str:
    word = link["said"]
    return say(lang, link["how"], said=_said(word, lang) if word else "")


def _said(word: Told, lang: Language) -> str:
    return say(lang, "said", by=word["by"], reason=word["reason_words"][lang], day=_day(word["heard"]))


def _day(heard: str) -> str:
    return datetime.fromisoformat(heard).astimezone(SEOUL).strftime("%Y-%m-%d")


def _possibly(told: Told, lang: Language) -> Iterator[str]:
    if told["possibly"]:
        yield say(lang, "possibly")
    for found in told["possibly"]:
        yield f"  {found['person']} · {_words(found, lang)} ({_signed(found['bits'])})"
        yield from (f"    {line}" for line in _barriers(found, lang))


# ------------------------------------------------------------------ two mentions
def _pair(found: Told, lang: Language, *, bars: bool = True) -> Iterator[str]:
    """Two mentions compared: in words, what stopped it, the evidence, the sum."""
    yield _words(found, lang)
    yield from _barriers(found, lang)
    if bars and found["fields"]:
        yield from table(_evidence(found["fields"], lang)).splitlines()
    then = say(lang, "then", then=_signed(found["then"])) if found["then"] is not None else ""
    yield say(lang, "sum", has=_signed(found["bits"]), needed=_signed(found["needed"]), model=found["model"]) + then


def _words(found: Told, lang: Language) -> str:
    if not found["fields"]:
        return say(lang, "erased")
    return found["words"][lang] or say(lang, "nothing")


def _barriers(found: Told, lang: Language) -> Iterator[str]:
    """What keeps the two apart, or kept the machine from joining them."""
    if found["guard"]:
        yield say(lang, "stopped", guard=found["guard_words"][lang])
    if found["said"] and "how" not in found:
        yield say(lang, f"said_{found['said']['decision']}", said=_said(found["said"], lang))


def _evidence(fields: Sequence[Told], lang: Language) -> Iterator[tuple[str, str, str]]:
    """Bars, what says most first; the rest in one line."""
    told = sorted(fields, key=lambda field: -abs(field["bits"]))
    most = told if len(told) <= MOST_LINES + 1 else told[:MOST_LINES]
    for field in most:
        yield _bar(field["bits"]), _signed(field["bits"]), field["words"][lang]
    if len(most) < len(told):
        rest = sum(field["bits"] for field in told[len(most) :])
        yield _bar(rest), _signed(rest), say(lang, "rest", count=len(told) - len(most))


def _bar(bits: float) -> str:
    return ("▇" if bits > 0 else "▁") * max(1, min(LONGEST, round(abs(bits) / PER_CHARACTER)))


def _signed(bits: float) -> str:
    return f"{bits:+.1f}".replace("-", "−")


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)


# ------------------------------------------------------------------ why not
def why_not(told: Told, lang: Language) -> list[str]:
    """Two persons on one screen: why they are two, and what would make them one."""
    person, other = told["person"], told["other"]
    if told["one"]:
        return [say(lang, "one", person=person), say(lang, "why", person=person)]
    lines = say(lang, "two", person=person, other=other).splitlines()
    lines.append(say(lang, "because", because=told["because_words"][lang]))
    lines += [say(lang, "best"), *_indented(_pair(told["best"], lang))]
    if told["stopped"]:
        lines += [say(lang, "other_pair"), *_indented(_pair(told["stopped"], lang, bars=False))]
    return [*lines, say(lang, "to_merge", person=person, other=other)]


# ------------------------------------------------------------------ how
def how(told: Told, lang: Language) -> list[str]:
    """The steps by which a person came to be, one line each."""
    rows = [(step["position"], moment(step["heard"]), _step(step, lang)) for step in told["steps"]]
    count = sum(step["kind"] == "referral.recorded" for step in told["steps"])
    return [say(lang, "person", person=told["person"], count=count), *table(rows).splitlines()]


def _step(step: Told, lang: Language) -> str:
    match step["kind"]:
        case "referral.recorded":
            return _mention(step, lang)
        case "identity.decided":
            said = _said({"by": step["by"], "reason_words": step["reason_words"], "heard": step["heard"]}, lang)
            return say(lang, step["decision"], said=said)
        case kind:
            return say(lang, kind, count=len(step["records"]), was=step["was"][:8], into=step["into"][:8])


def _mention(step: Told, lang: Language) -> str:
    agency = say(lang, "withheld") if step["agency"] == "withheld" else step["agency"]
    told = say(lang, "mention", record=step["record"][:8], agency=agency)
    if not step["how"]:
        return told
    words = step["words"][lang] if step["words"] else ""
    guard = f" ({step['guard_words'][lang]})" if step["guard"] else ""
    return f"{told} · " + say(lang, f"how_{step['how']}", other=step["other"][:8], words=words) + guard


# ------------------------------------------------------------------ a worker's word
def judged(told: Told, lang: Language) -> list[str]:
    """What followed from a word, and what can be done next."""
    if told["verdict"] == "pending":
        return [say(lang, "pending", receipt=told["receipt"])]
    lines, moved = [say(lang, "recorded", position=told["position"])], []
    for entry in told["followed"]:
        kind, facts = entry["kind"], entry["facts"]
        if kind in {"person.merged", "person.split"}:
            moved.append(facts)
            lines.append(say(lang, kind.partition(".")[2], was=facts["was"], into=facts["into"]))
        elif kind in SAYS[lang]:
            lines.append(say(lang, kind, **facts))
    return [*lines, *_next(told["decision"], moved, lang)]


def _next(decision: str, moved: Sequence[Told], lang: Language) -> list[str]:
    if decision in {"split", "join"}:
        return []
    if not moved:
        return [say(lang, "unchanged")]
    if decision == "same":
        return [say(lang, "undo", person=moved[0]["into"])]
    return [say(lang, "redo", person=moved[0]["was"], other=moved[0]["into"])]


# ------------------------------------------------------------------ reviews
def reviews(told: Sequence[Told], lang: Language) -> list[str]:
    """Reviews, one line each, gravest first."""
    rows = [
        (one["review"], str(one["rank"]), _state(one, lang), _consequences(one, lang), _guard(one, lang))
        for one in told
    ]
    return table(rows, say(lang, "columns").split("|")).splitlines() if rows else [say(lang, "no_reviews")]


def review(told: Told, lang: Language) -> list[str]:
    """One review on one screen."""
    lines = [
        say(lang, "review", review=told["review"], state=_state(told, lang), rank=told["rank"]),
        say(lang, "between", person=told["person"], other=told["possibly"]),
    ]
    if told["consequences"]:
        lines.append(say(lang, "changes", what=_consequences(told, lang)))
    lines += _indented(_pair(told["comparison"], lang))
    if told["state"] == "open" and not told["comparison"]["guard"]:
        lines.append(say(lang, "because", because=told["because_words"][lang]))
    if told["stopped"]:
        lines += [say(lang, "other_pair"), *_indented(_pair(told["stopped"], lang, bars=False))]
    return [*lines, say(lang, "decide", review=told["review"])] if told["state"] == "open" else lines


def _state(one: Told, lang: Language) -> str:
    state = one["state"] if one["human"] or one["state"] != "open" else "no_human"
    return say(lang, f"{state}_state" if state in {"same", "apart"} else state)


def _consequences(one: Told, lang: Language) -> str:
    return ", ".join(words[lang] for words in one["consequence_words"])


def _guard(one: Told, lang: Language) -> str:
    return one["guard_words"][lang] if one["guard"] else ""
