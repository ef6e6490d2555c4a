"""`hub agency`: accounts of agencies. Owns checking what was typed; the work is `hub.cli.accounts`'s."""

from __future__ import annotations

import csv
from collections.abc import Collection, Sequence
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from hub.cli import accounts, agency_certificate, agency_key, agency_webhook, joining
from hub.cli.accounts import Credentials, must_exist
from hub.cli.installation import installation
from hub.cli.output import Json, State, emit, examples, say, table
from hub.cli.output import group as new_group
from hub.cli.publishing import Verdicts
from hub.cli.running import alive, web_url
from hub.core.rules import Rules
from hub.errors import Usage
from hub.ledger.accounts import Accounts
from hub.ledger.connect import connect
from hub.ledger.keyfile import load_keys
from hub.rules import texts
from hub.schemas.canonical import AgencyClaim
from hub.settings import Settings

group = new_group()
group.add_typer(agency_key.group, name="key", help="The keys an agency signs its events with.")
group.add_typer(agency_webhook.group, name="webhook", help="Tell an agency's own server what concerns it.")
#: As in the glossary; an account's purposes decide what it may know.
PURPOSES: Final = ("treatment", "victim_support", "housing", "welfare", "child_protection", "statistics", "audit")
BASES: Final = ("consent_self", "consent_legal_rep", "report_duty", "life_at_risk", "other_law(…)")
Rate = Annotated[
    float | None, typer.Option("--rate", min=0.01, help="Events a second (default: HTTP 2,000, Kafka no bound).")
]
Code = Annotated[str, typer.Argument(metavar="CODE", help="Small letters, digits and hyphens.")]


@group.command("add")
@examples(
    "hub agency add jeil --kind hospital --name 제일병원 --purpose treatment --legal-basis consent_self",
    "hub agency add dong-seosin --kind dong_center --name '서신동 행정복지센터' --purpose welfare "
    "--legal-basis 'other_law(사회보장급여법 제13조)' --area 평거동 --json",
    "hub agency add lh --kind housing_corporation --name LH --purpose housing --legal-basis consent_self "
    "--connector files --hub-url https://hub.example.kr --out handover --rate 50",
)
def add(
    code: Code,
    kind: Annotated[str, typer.Option("--kind", help="A kind of hub/rules/routing.toml: hospital, dong_center …")],
    name: Annotated[str, typer.Option("--name", help="The agency's name, as people read it.")],
    legal_basis: Annotated[str, typer.Option("--legal-basis", help="By what right it refers where no consent does.")],
    purpose: Annotated[list[str] | None, typer.Option("--purpose", help="May be given several times.")] = None,
    area: Annotated[list[str] | None, typer.Option("--area", help="An administrative dong it serves.")] = None,
    connector: Annotated[str, typer.Option("--connector", help="How it joins: http, fhir, files, hl7v2 …")] = "http",
    hub_url: Annotated[str, typer.Option("--hub-url", help="The hub's address, as the agency reaches it.")] = "",
    out: Annotated[Path | None, typer.Option("--out", help="Write token and configuration into this folder.")] = None,
    rate: Rate = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Make an account: recorded in the ledger, then its topics, rights, password and token; and what comes next.

    The secrets are printed this once, and kept in the state folder so that `hub send --agency CODE` works here.
    """
    joining.known(connector)
    rules = texts()
    _known("kind", [kind], Rules.load(rules).kinds)
    _known("purpose", purpose or (), PURPOSES)
    _known("area", area or (), _dongs(rules))
    _check_basis(legal_basis)
    claim = AgencyClaim(code, kind, name, tuple(purpose or ()), legal_basis, tuple(area or ()))
    settings = installation(state)
    made = accounts.register(settings, [claim])[0]
    if rate is not None:
        accounts.limit(settings, code, rate)
    step = joining.next_step(connector, made, hub_url or web_url(alive(settings.state_dir)) or joining.NOWHERE)
    if out is not None:
        joining.hand_over(out, made, step)
    _show(made, step, as_json=as_json)


group.command("certificate")(agency_certificate.certificate)


@group.command("list")
@examples("hub agency list", "hub agency list --json")
def show_all(state: State = None, as_json: Json = False) -> None:
    """All accounts with kind, purposes, state, and whether a token works."""
    rows = listed(installation(state))
    if as_json:
        emit(rows)
        return
    header = ("code", "kind", "name", "purposes", "state", "token")
    print(table([[row[h] if h != "purposes" else ",".join(row[h]) for h in header] for row in rows], header))


@group.command("rotate")
@examples("hub agency rotate jeil", "hub agency rotate jeil --json")
def rotate(code: Code, state: State = None, as_json: Json = False) -> None:
    """A new token and a new Kafka password; the former ones stop working."""
    settings = installation(state)
    must_exist(settings, code)
    _show(accounts.provide(settings, [code])[0], as_json=as_json)


@group.command("suspend")
@examples("hub agency suspend jeil")
def suspend(code: Code, state: State = None, as_json: Json = False) -> None:
    """Stop an account: recorded in the ledger, then token and Kafka rights are taken. Nothing it sent is removed."""
    settings = installation(state)
    must_exist(settings, code)
    accounts.change(settings, code, "suspend")
    accounts.withdraw(settings, code)
    emit({"code": code, "state": "suspended"}) if as_json else print(f"{code} is suspended")


@group.command("resume")
@examples("hub agency resume jeil", "hub agency resume jeil --json")
def resume(code: Code, state: State = None, as_json: Json = False) -> None:
    """Let a suspended or paused account go on, with a new token and a new password."""
    settings = installation(state)
    must_exist(settings, code)
    accounts.change(settings, code, "resume")
    _show(accounts.provide(settings, [code])[0], as_json=as_json)


@group.command("rate")
@examples("hub agency rate jeil --rate 50", "hub agency rate jeil")
def rate_(code: Code, rate: Rate = None, state: State = None, as_json: Json = False) -> None:
    """How many events a second an agency may send, over HTTP and Kafka; without --rate as many as any other."""
    settings = installation(state)
    must_exist(settings, code)
    accounts.limit(settings, code, rate)
    emit({"code": code, "rate": rate}) if as_json else print(f"{code}: {f'{rate:g} events/s' if rate else 'as usual'}")


def listed(settings: Settings) -> list[dict[str, Any]]:
    """Every account as one value."""
    with Verdicts(settings) as verdicts:
        directory = verdicts.reads.directory()
    with connect(settings.database_url, name="hub-accounts") as connection:
        kept = Accounts(connection, load_keys(settings.keys_file).pepper)
        tokens, rates = kept.listed(), kept.rates()
    return [
        {
            "code": code,
            "kind": agency.kind,
            "name": agency.name,
            "purposes": agency.purposes,
            "legal_basis": agency.legal_basis,
            "areas": agency.areas,
            "state": agency.state,
            "keys": agency.keys,
            "token": "works" if tokens.get(code) else "none",
            "rate": rates.get(code),
        }
        for code, agency in directory.items()
    ]


def _show(made: Credentials, step: joining.NextStep | None = None, *, as_json: bool) -> None:
    if as_json:
        emit(msgspec.to_builtins(made) | ({"next": msgspec.to_builtins(step)} if step else {}))
        return
    rows = [("code", made.code), ("token", made.token)]
    rows += [(f"kafka {name}", value) for name, value in msgspec.to_builtins(made.kafka).items()]
    print(table(rows))
    if step is not None:
        if step.config:
            print(f"\n--- {step.config_file}\n{step.config}---")
        print(f"\nnext, at the agency (the token in {step.token_file}, mode 0600):")
        print("\n".join(f"  {command}" for command in step.commands))
    say("shown this once; a new one: hub agency rotate " + made.code)


def _known(what: str, given: Sequence[str], known: Collection[str]) -> None:
    unknown = [one for one in given if one not in known]
    if unknown:
        raise Usage(f"there is no {what} '{unknown[0]}'.", f"Use one of {', '.join(sorted(known))}.")


def _check_basis(basis: str) -> None:
    if basis not in BASES and not (basis.startswith("other_law(") and basis.endswith(")")):
        raise Usage(f"'{basis}' is no legal basis.", f"Use one of {', '.join(BASES)}.")


def _dongs(rules: dict[str, str]) -> set[str]:
    files = (rules["areas.csv"], rules["town-areas.csv"])
    return {row["administrative_dong"] for text in files for row in csv.DictReader(StringIO(text))}
