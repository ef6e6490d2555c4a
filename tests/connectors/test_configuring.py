"""A partner's TOML: secrets come from elsewhere, unknown names are errors with the nearest known one."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest
from pydantic import Field

from connectors import catalog, configuring
from connectors.protocol import SECRET, Config
from hub.errors import Usage
from tests.connectors.lines import LinesConnector


class Door(Config):
    user: str = ""
    password: Annotated[str, Field(json_schema_extra=SECRET)] = ""


class LockedConfig(Config):
    port: int
    passphrase: Annotated[str, Field(json_schema_extra=SECRET)]
    door: Door | None = None


class LockedConnector(LinesConnector):
    name = "locked"
    Config: ClassVar[type[Config]] = LockedConfig


HUB = '[hub]\nagency = "lh"\nurl = "https://hub"\ntoken_file = "token"\n'
OWN = '[connector]\nname = "tests.connectors.test_configuring:LockedConnector"\nport = 7\npassphrase_env = "WORDS"\n'


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("WORDS", "open sesame")
    (tmp_path / "token").write_text("ieum_secret\n")
    # Imported by path, tests are other modules than by name: the classes must be these.
    monkeypatch.setattr(catalog, "load", lambda _: LockedConnector)

    def of(text: str) -> configuring.Configured:
        path = tmp_path / "lh.toml"
        path.write_text(text, encoding="utf-8")
        return configuring.read(path)

    return of


def test_secrets_are_read_from_files_and_the_environment(read: Any, tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("pw!")
    found = read(HUB + OWN + '[connector.door]\nuser = "u"\npassword_file = "pw"\n')
    assert found.hub.token == "ieum_secret"
    assert found.config == LockedConfig(port=7, passphrase="open sesame", door=Door(user="u", password="pw!"))
    assert found.spool.folder == tmp_path / "spool"
    assert (found.system, found.spool.bound_mb) == ("locked", 1024)


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        (HUB + OWN + "prot = 1\n", "knows no prot", "Did you mean port"),
        (HUB + OWN + "pasphrase_env = 'X'\n", "knows no pasphrase_env", "passphrase_env"),
        (HUB + OWN + "[connector.door]\nusr = 'x'\n", "knows no door.usr", "Did you mean user"),
        (HUB + OWN + "[spol]\n", r"no table \[spol\]", "Did you mean spool"),
        (HUB + OWN.replace("passphrase_env", "passphrase"), "holds the secret passphrase itself", "passphrase_file"),
        (HUB + OWN.replace("WORDS", "NOWHERE"), "environment has no NOWHERE", "Set it"),
        (HUB + OWN.replace('passphrase_env = "WORDS"', ""), "lacks passphrase", "passphrase_file or passphrase_env"),
        (HUB + OWN.replace("port = 7", 'port = "x"'), "port: ", "spec"),
        (HUB.replace("token_file", "token") + OWN, "holds the secret token itself", "token_file"),
        (HUB.replace('"token"', '"nowhere"') + OWN, "cannot be read", "mode 0600"),
        ('[hub]\nagency = "lh"\n' + OWN, "names no way to the hub", "url"),
        ('[hub]\nagency = "lh"\nurl = "https://hub"\n' + OWN, "no token", "token_file"),
        (HUB.replace('"lh"', '"L H"') + OWN, "agency", "spec"),
        ("hub = 1\n", "hub is a table", "Write"),
        ("[hub\n", "no TOML", "example"),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy(read: Any, text: str, what: str, remedy: str) -> None:
    with pytest.raises(Usage, match=what) as told:
        read(text)
    assert remedy in told.value.remedy
    assert "open sesame" not in str(told.value)


def test_the_key_of_ids_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    first = configuring.origin_key(tmp_path, b"1" * 32)
    assert configuring.origin_key(tmp_path, b"2" * 32) == first == b"1" * 32
    assert stat.S_IMODE((tmp_path / "origin.key").stat().st_mode) == 0o600


def test_an_unknown_connector_is_told_with_the_nearest() -> None:
    with pytest.raises(Usage, match="Did you mean files"):
        catalog.load("file")
    with pytest.raises(Usage, match="no connector at"):
        catalog.load("nowhere.at.all:Class")


@pytest.mark.parametrize("name", catalog.names())
def test_every_listed_connector_loads_under_its_own_name(name: str) -> None:
    assert catalog.load(name).name == name
