"""`hub audit`: what an auditor can ask. Owns the commands and their words; the work is `hub.audit`'s.

Exit status 0 means that it holds; 1 that something does not, with every finding named.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from hub import app
from hub.audit import as_of as known_at
from hub.audit.compare import Change, compare, under
from hub.audit.replay import Replayed, replay
from hub.cli import FAILED
from hub.cli.figures import verified
from hub.cli.installation import installation
from hub.cli.output import Json, Progress, State, emit, examples, say, table
from hub.cli.output import group as new_group
from hub.core.note import Verifier
from hub.errors import Usage
from hub.ledger.history import History
from hub.ledger.keyfile import load_keys
from hub.ledger.lists import Lists
from hub.ledger.reads import Pool
from hub.rules import PARTNERS, partners, texts

group = new_group()
SHOWN: Final = 50


@group.command("verify")
@examples("hub audit verify", "hub audit verify --log ieum.hub/123fa96e+d9e9dab3+AfeA08o9… --json")
def verify_all(
    log: Annotated[str, typer.Option("--log", help="The log's public key you pinned (default: this hub's own).")] = "",
    state: State = None,
    as_json: Json = False,
) -> None:
    """Hash everything again: entries, tree, every checkpoint, bodies, verdicts. Names each damaged entry.

    Where a person is affected, the law's 72 hours start with what is printed here.
    """
    found = verified(installation(state), Verifier.parse(log) if log else None)
    value = {"holds": found.holds, **_plain(found), "root": found.root.hex()}
    if as_json:
        emit(value)
    else:
        names = ("holds", "entries", "messages", "bodies", "erased", "checkpoints", "root")
        print(table([(name, value[name]) for name in names]))
        rows = [(f.what, f.position, f.last, f.case, f.text) for f in found.findings[:SHOWN]]
        print(table(rows, ("what", "from", "to", "case", "finding")) if rows else "everything is as it was written")
    if not found.holds:
        raise typer.Exit(FAILED)


@group.command("replay")
@examples("hub audit replay", "hub audit replay --json")
def replay_all(state: State = None, as_json: Json = False) -> None:
    """Decide everything again from the raw evidence: the same entries and the same root, or the first that differs."""
    settings = installation(state)
    with History(settings.database_url) as history, Progress("replayed") as progress:
        found = replay(history, app.policy(settings), progress.reach)
    value = {"holds": found.holds, **_plain(found), "root": found.root.hex()}
    if as_json:
        emit(value)
    else:
        _tell_replay(found, value)
    if not found.holds:
        raise typer.Exit(FAILED)


def _tell_replay(found: Replayed, value: dict[str, Any]) -> None:
    kind = "comparison (other rules or another release decided)" if found.is_comparison else "replay"
    print(
        table([("kind", kind), *((n, value[n]) for n in ("holds", "entries", "matched", "sealed", "messages", "root"))])
    )
    if found.difference is not None:
        print(f"first difference at {found.difference.position} ({found.difference.kind}): {found.difference.why}")
        print(table(found.difference.changes, ("where", "recorded", "decided now")))


@group.command("as-of")
@examples("hub audit as-of 2026-11-22T09:00:00+09:00", "hub audit as-of 2026-11-22T00:00:00Z --case 0191d0c4-… --json")
def as_of(
    at: Annotated[str, typer.Argument(metavar="TIME", help="RFC 3339 with a zone.")],
    case: Annotated[str, typer.Option("--case", help="Only this case.")] = "",
    state: State = None,
    as_json: Json = False,
) -> None:
    """Cases and directories as they were known at a time, from entries alone. What was erased since shows as sealed."""
    settings = installation(state)
    with History(settings.database_url) as history:
        known = known_at.as_of(history, load_keys(settings.keys_file), at)
    views = list(known_at.cases(known, case))
    listed = [] if case else list(known_at.listings(known))
    if case and not views:
        raise Usage(f"case {case} was not known at {at}.", "Ask for a later time, or without --case.")
    if as_json:
        told = {"at": at, "heard": known.heard, "size": known.size, "sealed": known.sealed, "cases": views}
        emit(told if case else told | {"listings": listed})
        return
    for line in known_at.text(views, known, listed):
        print(line)


@group.command("compare")
@examples("hub audit compare --rules my-rules/", "hub audit compare --rules my-rules/ --json")
def compare_rules(
    rules: Annotated[Path, typer.Option("--rules", exists=True, file_okay=False, help="Folder of changed rule files.")],
    state: State = None,
    as_json: Json = False,
) -> None:
    """The same history under other rule files: every decision that would have been another. Changes nothing."""
    settings = installation(state)
    known = texts(settings.mapping_dir)
    changed = {f.name: f.read_text(encoding="utf-8") for f in sorted(rules.iterdir()) if f.name in known}
    changed |= partners(rules / PARTNERS)
    if not changed:
        raise Usage(f"{rules} holds no rule file.", f"A rule file is one of {', '.join(sorted(known))}.")
    say(f"changed: {', '.join(changed)}")
    policy = under(app.policy(settings), known | changed)
    with History(settings.database_url) as history, Progress("changed decisions") as progress:
        found = list(_counted(compare(history, policy), progress))
    if as_json:
        emit(msgspec.to_builtins(found))
        return
    rows = [(c.position, c.kind, c.referral, _short(c.before), _short(c.after)) for c in found[:SHOWN]]
    print(table(rows, ("position", "kind", "referral", "before", "after")) if rows else "no decision would change")
    say(f"{len(found)} decisions would change" + (f"; {SHOWN} shown (--json has all)" if len(found) > SHOWN else ""))


@group.command("who-saw")
@examples("hub audit who-saw 0191d0c4-…", "hub audit who-saw 0191d0c4-… --json")
def who_saw(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A case, referral, person or message.")],
    state: State = None,
    as_json: Json = False,
) -> None:
    """Every recorded read of personal data about it: who, when, which classes, for which purpose."""
    settings = installation(state)
    pool = Pool(settings.database_url, size=1, name="hub-cli")
    found = Lists(pool, load_keys(settings.keys_file)).reads_of(id_)
    if as_json:
        emit(found)
        return
    rows = [(r["position"], r["heard"], r["reader"], r["what"], ",".join(r["classes"]), r["purpose"]) for r in found]
    print(table(rows, ("position", "heard", "reader", "what", "classes", "purpose")) if rows else "nobody")


def _counted(changes: Iterator[Change], progress: Progress) -> Iterator[Change]:
    for change in changes:
        progress.advance()
        yield change


def _plain(value: object) -> dict[str, Any]:
    """A msgspec value without its bytes, which JSON cannot hold (roots are shown in hex beside it)."""
    fields = {f: getattr(value, f) for f in getattr(value, "__struct_fields__", ())}
    return {
        name: msgspec.to_builtins(held, enc_hook=str) for name, held in fields.items() if name not in {"root", "head"}
    }


def _short(facts: dict[str, Any]) -> str:
    return " ".join(f"{k}={v}" for k, v in facts.items() if v) or "–"
