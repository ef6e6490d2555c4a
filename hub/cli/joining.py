"""What a partner does next: the file and the commands that join it, ready to hand over. Owns their text.

Makes no account and sends nothing. A token stands in a file of its own (mode 0600), never in a configuration.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from connectors import catalog
from hub.cli.accounts import Credentials
from hub.cli.installation import write_private
from hub.errors import Usage

#: Ways in without a connector of ours: the partner's own program speaks to the API. With FHIR a hospital may do either.
HTTP, FHIR = "http", "fhir"
_SENDS: Final = "# either your system sends to the hub:"
_POLLED: Final = "# or a connector at your place reads your FHIR server:"
#: Where the hub's address is not known on this machine.
NOWHERE: Final = "https://hub.example.kr"
_CURL: Final = (
    'curl -s -X POST "{url}{path}" -H "Authorization: Bearer $(cat {token})" -H "Content-Type: {media}" -d @{file}'
)


class NextStep(msgspec.Struct, frozen=True):
    """How a partner goes on. `config` is '' where the partner's own program is all that is needed."""

    connector: str
    config_file: str
    config: str
    token_file: str
    commands: tuple[str, ...]


def known(name: str) -> None:
    """Raises `Usage` for a way in that does not exist."""
    if name not in {HTTP, *catalog.CATALOG}:
        raise Usage(f"there is no connector '{name}'.", f"Use one of {', '.join(sorted({HTTP, *catalog.CATALOG}))}.")


def next_step(name: str, made: Credentials, url: str) -> NextStep:
    """The way in by this connector, for this account."""
    token = f"{made.code}.token"
    config = f"{made.code}.toml"
    install = f"pip install '{catalog.extra_of(name)}'"
    commands: tuple[str, ...] = (install, f"hub connector check {config}", f"hub connector run {config}")
    if name == HTTP:
        media = "application/cloudevents+json"
        request = _CURL.format(url=url, path="/v1/events?wait=5", token=token, media=media, file="event.json")
        return NextStep(name, "", "", token, (request,))
    if name == FHIR:
        request = _CURL.format(url=url, path="/fhir", token=token, media="application/fhir+json", file="bundle.json")
        commands = (_SENDS, request, _POLLED, *commands)
    return NextStep(name, config, _config(name, made.code, url, token), token, commands)


def hand_over(folder: Path, made: Credentials, step: NextStep) -> None:
    """Write what the partner needs into a folder: the token, and the configuration where there is one."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(folder / step.token_file, made.token.encode())
    if step.config:
        (folder / step.config_file).write_text(step.config, encoding="utf-8")


def _config(name: str, code: str, url: str, token: str) -> str:
    about = catalog.CATALOG[name].about
    return f"""# {about} Every field: hub connector spec {name}
[hub]
agency = {_toml(code)}
url = {_toml(url)}
token_file = {_toml(token)}

[connector]
name = {_toml(name)}
{_fields(name)}
[spool]
folder = "spool"
"""


def _fields(name: str) -> str:
    """The connector's own example, for the partner to change."""
    try:
        example: Mapping[str, Any] = catalog.load(name).EXAMPLE
    except Usage:  # its packages are the partner's to install, not the city's
        return f"# its fields: hub connector spec {name}\n"
    return "".join(f"{field} = {_toml(value)}\n" for field, value in example.items() if value is not None)


def _toml(value: object) -> str:
    """A value in TOML: JSON, but for tables."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False)
