"""`hub feed`, `hub case`, `hub need`: reading. Owns the shape of lists; who may know what is the API's.

Lists of cases and needs pass through the same views as the API: what an agency may not know is absent here, too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from hub.cli import timeline
from hub.cli.asking import CITY, As, Asking
from hub.cli.installation import installation
from hub.cli.output import Json, State, emit, emit_line, examples, table
from hub.cli.output import group as new_group
from hub.core import views
from hub.core.rules import Rules
from hub.errors import Usage
from hub.ledger.keyfile import load_keys
from hub.ledger.lists import Lists
from hub.ledger.reads import Pool, Reads
from hub.rules import texts

feed, case, need = new_group(), new_group(), new_group()
PAGE: Final = 500
FOLLOW_S: Final = 0.3
Limit = Annotated[int, typer.Option("--limit", min=1, help="At most so many.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="An id of the hub.")]


@feed.command("tail")
@examples("hub feed tail", "hub feed tail --after 120 --json", "hub feed tail --follow --as dong-sangbong")
def tail(
    after: Annotated[int, typer.Option("--after", min=0, help="Behind this position.")] = 0,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what comes, until Ctrl-C.")] = False,
    limit: Limit = 1000,
    as_agency: As = CITY,
    state: State = None,
    as_json: Json = False,
) -> None:
    """The feed as one agency sees it: every position for the city (sealed where it may not know), else its own.

    With --follow and --json: one object a line.
    """
    with Asking(as_agency, state) as asking:
        entries = feed_entries(asking, after, None if follow else limit)
        if as_json and not follow:
            emit(list(entries))
            return
        for entry in entries:
            emit_line(entry) if as_json else print(feed_line(entry), flush=True)


def feed_entries(asking: Asking, after: int, limit: int | None) -> Iterator[dict[str, Any]]:
    """Entries behind a position: at most `limit`, or without end."""
    given = 0
    while limit is None or given < limit:
        page = asking.get("/v1/feed", after=after, limit=PAGE if limit is None else min(PAGE, limit - given))
        yield from page["entries"]
        given += len(page["entries"])
        if page["next"] == after and limit is not None:
            return
        if page["next"] == after:
            time.sleep(FOLLOW_S)
        after = page["next"]


def feed_line(entry: dict[str, Any]) -> str:
    """A position for people."""
    data = entry["data"]
    if data.get("sealed"):
        return f"{entry['position']:>8}  (sealed)"
    facts = " ".join(f"{k}={v}" for k, v in data["facts"].items() if isinstance(v, str) and v)
    return f"{entry['position']:>8}  {data['heard']}  {data['kind']:<20}  {facts}"


@case.command("list")
@examples("hub case list", "hub case list --limit 20 --as lh --json")
def list_cases(limit: Limit = 100, as_agency: As = CITY, state: State = None, as_json: Json = False) -> None:
    """Cases an agency may know of, with how much is open in each."""
    rows = [_case_row(view) for view in case_views(as_agency, state, limit)]
    if as_json:
        emit(rows)
    elif rows:
        print(table([list(row.values()) for row in rows], list(rows[0])))


@case.command("show")
@examples("hub case show 0191d0c4-…", "hub case show 0191d0c4-… --as sangbong --json")
def show_case(case_id: Id, as_agency: As = CITY, state: State = None, as_json: Json = False) -> None:
    """One case with its timeline, as an agency may see it. Reads of personal data are recorded."""
    with Asking(as_agency, state) as asking:
        found = asking.get(f"/v1/cases/{case_id}")
        entries = asking.get(f"/v1/cases/{case_id}/timeline", limit=PAGE)["entries"]
    if as_json:
        emit(found | {"timeline": entries})
        return
    print(table([(k, v) for k, v in _case_row(found).items()]))
    print(f"\n{table(_referral_rows(found), ('referral', 'need', 'state', 'urgency', 'receiver'))}\n")
    print(table(timeline.lines(entries, Rules.load(texts()), {})))


@need.command("list")
@examples("hub need list", "hub need list --json")
def list_needs(limit: Limit = 200, as_agency: As = CITY, state: State = None, as_json: Json = False) -> None:
    """Needs an agency may know of, case by case."""
    rows = [{"case": v["id"], **n} for v in case_views(as_agency, state, limit) for n in v["needs"]][:limit]
    if as_json:
        emit(rows)
    elif rows:
        print(table([[str(c) for c in row.values()] for row in rows], list(rows[0])))


def case_views(agency_code: str, state: Path | None, limit: int) -> list[dict[str, Any]]:
    """Cases as an agency may know of them."""
    settings = installation(state)
    keys = load_keys(settings.keys_file)
    pool = Pool(settings.database_url, size=1, name="hub-cli")
    reads, lists = Reads(pool, keys), Lists(pool, keys)
    agency = reads.directory().get(agency_code)
    if agency is None:
        raise Usage(f"there is no agency '{agency_code}'.", "See `hub agency list`.")
    health = frozenset(code for code, one in Rules.load(texts()).needs.items() if one.health)
    shown: list[dict[str, Any]] = []
    after = ""
    while len(shown) < limit and (page := lists.cases(after, PAGE)):
        persons = reads.persons_of(r.record for c in page for r in c.referrals.values() if r.record)
        found = (views.case_view(c, agency, persons, health) for c in page)
        shown += [view.value for view in found if view is not None]
        after = page[-1].id
    return shown[:limit]


def _case_row(view: dict[str, Any]) -> dict[str, Any]:
    states = [r["state"] for r in view["referrals"]]
    return {
        "case": view["id"],
        "dong": view["dong"],
        "members": len(view["members"]),
        "needs": len(view["needs"]),
        "open": sum(n["state"] == "open" for n in view["needs"]),
        "referrals": len(states),
        "unplaced": states.count("unplaced"),
        "signals": len(view["signals"]),
    }


def _referral_rows(view: dict[str, Any]) -> list[tuple[str, ...]]:
    return [tuple(str(r.get(f, "")) for f in ("id", "need", "state", "urgency", "receiver")) for r in view["referrals"]]
