"""`hub agency certificate`: a way in to Kafka by certificate. Owns the order, and what is written for the agency.

The private key is written once, into the folder that is handed over, and kept nowhere else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from hub import app
from hub.cli import accounts
from hub.cli.installation import configured, installation, is_external
from hub.cli.output import Json, State, emit, examples, say, table
from hub.cli.publishing import Verdicts
from hub.errors import Usage
from hub.producers.provision import Administration
from hub.schemas.topics import inbound
from hub.settings import Settings
from infra.local.authority import Authority, authority_folder, write_private
from infra.local.servers import Servers

MARK_BYTES: Final = 6
Code = Annotated[str, typer.Argument(metavar="CODE", help="The agency.")]


@examples("hub agency certificate lh --out handover", "hub agency certificate lh --out handover --bootstrap kafka:9094")
def certificate(
    code: Code,
    out: Annotated[Path, typer.Option("--out", help="Write certificate, private key and authority into this folder.")],
    bootstrap: Annotated[str, typer.Option("--bootstrap", help="host:port where Kafka takes certificates.")] = "",
    state: State = None,
    as_json: Json = False,
) -> None:
    """A certificate for Kafka instead of a password, with the agency's rights; the one before loses them at once.

    The authority is made the first time, in the state folder: brokers of your own must trust its `ca/ca.pem`.
    """
    settings = installation(state)
    with Verdicts(settings) as verdicts:
        known = verdicts.reads.directory().get(code)
    if known is None:
        raise Usage(f"there is no agency '{code}'.", "See `hub agency list`.")
    if known.state == "suspended":
        raise Usage(f"{code} is suspended.", f"Let it go on first: hub agency resume {code}")
    place = bootstrap or _listening(settings)
    if not place:
        remedy = "Name it with --bootstrap, or start a local one: HUB_KAFKA_TLS=1 hub up."
        raise Usage("no broker that takes certificates is known.", remedy)
    files = _written(settings, code, out)
    config = "\n".join(("[hub.kafka]", f'bootstrap = "{place}"', *(f'{n} = "{f.name}"' for n, f in files.items())))
    if as_json:
        names = {name: str(file) for name, file in files.items()}
        emit({"code": code, "topic": inbound(code), "bootstrap": place, **names, "config": config})
        return
    print(table([(name, str(file)) for name, file in files.items()]))
    print(f"\n--- in the connector's configuration\n{config}\n---")
    say("the private key is written this once; another one: the same command again, and this one can do nothing more")


def _written(settings: Settings, code: str, out: Path) -> dict[str, Path]:
    """The files, before the rights: what a crash leaves in between is a certificate that can do nothing."""
    authority = Authority(authority_folder(settings.state_dir))
    mark = app.draw(MARK_BYTES).hex()
    issued = authority.of_agency(code, mark)
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = {
        "certificate_file": out / f"{code}.cert.pem", "key_file": out / f"{code}.key.pem", "ca_file": out / "ca.pem",
    }  # fmt: skip
    write_private(files["key_file"], issued.key)
    files["certificate_file"].write_bytes(issued.certificate)
    files["ca_file"].write_bytes(authority.certificate_file.read_bytes())
    Administration(settings).trust(code, mark)
    rate = accounts.rate_of(settings, code)
    if rate is not None:
        accounts.throttle(settings, code, rate)
    return files


def _listening(settings: Settings) -> str:
    """Where the local broker takes certificates, '' where it does not."""
    if is_external(configured(settings.state_dir)):
        return ""
    info = Servers(settings.state_dir).status()
    return info.kafka_tls_bootstrap if info else ""
