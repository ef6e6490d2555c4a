"""One TOML file per partner: which hub, which connector, which spool. Owns reading it, and where secrets come from.

    [hub]
    agency = "lh"
    url = "https://hub.example.kr"      # or a table [hub.kafka], or both
    token_file = "token"                # or token_env = "HUB_TOKEN"
    signing_key_file = "signing.pem"    # where the agency's key is registered: every event is signed

    [connector]
    name = "files"                      # as `hub connector list` says, or package.module:Class
    folder = "/srv/drops"               # … its own fields: `hub connector spec files`

    [spool]
    folder = "spool"                    # beside this file unless absolute
    bound_mb = 1024

A secret never stands in the file: `<field>_file` or `<field>_env` says where it is. Unknown names are errors.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Self, TypeVar

import msgspec
from pydantic import BaseModel, Field, ValidationError, model_validator

from connectors import catalog
from connectors.drawn import drawn_once
from connectors.protocol import Config, Connector
from hub.errors import Usage
from hub.schemas.topics import AGENCY_CODE

M = TypeVar("M", bound=BaseModel)
MB: Final = 1_048_576
KEY_BYTES: Final = 32
TABLES: Final = ("hub", "connector", "spool")


class KafkaConfig(Config):
    """Kafka, where the agency may use it: with a name and a password, or with a certificate. Files beside this one."""

    bootstrap: Annotated[str, Field(description="host:port, several with commas.")]
    username: str = ""
    password: Annotated[str, Field(json_schema_extra={"writeOnly": True})] = ""
    mechanism: str = "SCRAM-SHA-512"
    tls: bool = True
    ca_file: Annotated[str, Field(description="Who certifies the broker, in PEM. Default: the system's own list.")] = ""
    certificate_file: Annotated[str, Field(description="The agency's certificate, instead of a password.")] = ""
    key_file: Annotated[str, Field(description="Its private key, mode 0600.")] = ""

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        pairs = (bool(self.username), bool(self.password)), (bool(self.certificate_file), bool(self.key_file))
        if any(one != other for one, other in pairs) or pairs[0][0] == pairs[1][0]:
            raise ValueError("username and password, or certificate_file and key_file")
        return self

    def beside(self, folder: Path) -> KafkaConfig:
        """The same with the files' places told from the configuration's own folder."""
        names = ("ca_file", "certificate_file", "key_file")
        return self.model_copy(update={name: str(folder / held) for name in names if (held := getattr(self, name))})


class HubConfig(Config):
    """The hub and who sends."""

    agency: Annotated[str, Field(pattern=AGENCY_CODE.pattern)]
    url: str = ""
    token: Annotated[str, Field(json_schema_extra={"writeOnly": True})] = ""
    kafka: KafkaConfig | None = None
    signing_key: Annotated[
        str, Field(json_schema_extra={"writeOnly": True}, description="Private key in PEM: every event is signed.")
    ] = ""


class SpoolConfig(Config):
    """Where what is not yet the hub's is kept, and how much of it."""

    folder: Path
    bound_mb: Annotated[int, Field(ge=1, le=1_048_576)] = 1024


class Configured(msgspec.Struct, frozen=True):
    """A partner's configuration, checked, with its secrets read."""

    path: Path
    name: str
    system: str
    connector: type[Connector]
    config: Any
    hub: HubConfig
    spool: SpoolConfig


def read(path: Path) -> Configured:
    """Read a configuration. Raises `Usage` that names the field and the remedy."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Usage(f"{path} cannot be read: {error.strerror}.", "Name the partner's TOML file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Usage(f"{path} is no TOML: {error}.", "Look at `hub connector spec NAME` for an example.") from error
    for name in tables:
        if name not in TABLES:
            raise Usage(f"{path}: there is no table [{name}].", _near(name, TABLES))
    for name in TABLES:
        if not isinstance(tables.get(name, {}), dict):
            raise Usage(f"{path}: {name} is a table.", f"Write [{name}].")
    return _configured(path, tables)


def _configured(path: Path, tables: Mapping[str, Any]) -> Configured:
    own = dict(tables.get("connector", {}))
    name = own.pop("name", "")
    if not name:
        raise Usage(f"{path}: [connector] has no name.", f"One of {', '.join(catalog.names())}.")
    connector = catalog.load(str(name))
    system = str(own.pop("system", "") or connector.name)
    hub = _checked(path, "hub", HubConfig, tables.get("hub", {}))
    if not hub.url and hub.kafka is None:
        raise Usage(f"{path}: [hub] names no way to the hub.", "Give url and token_file, or a table [hub.kafka].")
    if hub.url and not hub.token:
        raise Usage(f"{path}: [hub] has a url and no token.", "Give token_file or token_env.")
    if hub.kafka is not None:
        hub = hub.model_copy(update={"kafka": hub.kafka.beside(path.parent)})
    spool = _checked(path, "spool", SpoolConfig, {"folder": "spool"} | tables.get("spool", {}))
    spool = spool.model_copy(update={"folder": path.parent / spool.folder})
    config = _checked(path, "connector", connector.Config, own)
    return Configured(path, str(name), system, connector, config, hub, spool)


def _checked(path: Path, table: str, model: type[M], values: Mapping[str, Any]) -> M:
    try:
        return model.model_validate(with_secrets(model, values, path.parent, f"{path}: [{table}]"))
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            names = _fields(model, first["loc"][:-1])
            raise Usage(f"{path}: [{table}] knows no {place}.", _near(str(first["loc"][-1]), names)) from None
        if first["type"] == "missing":
            secret = place.rpartition(".")[2] in _secrets(_model_at(model, first["loc"][:-1]))
            remedy = f"Give {place}_file or {place}_env." if secret else "`hub connector spec` says what it is."
            raise Usage(f"{path}: [{table}] lacks {place}.", remedy) from None
        raise Usage(f"{path}: [{table}] {place}: {first['msg']}.", "`hub connector spec` says what it is.") from None


def with_secrets(model: type[BaseModel], values: Mapping[str, Any], folder: Path, where: str) -> dict[str, Any]:
    """The same values with `<secret>_file` and `<secret>_env` read; tables within tables too."""
    secrets = _secrets(model)
    found: dict[str, Any] = {}
    for name, value in values.items():
        base, _, kind = name.rpartition("_")
        if name in secrets:
            raise Usage(f"{where} holds the secret {name} itself.", f"Give {name}_file or {name}_env.")
        if name not in model.model_fields and base in secrets and kind in {"file", "env"}:
            found[base] = _secret(str(value), kind, folder, f"{where} {name}")
        elif isinstance(value, dict) and (inner := _inner(model, name)) is not None:
            found[name] = with_secrets(inner, value, folder, f"{where} {name}")
        else:
            found[name] = value
    return found


def _secret(value: str, kind: str, folder: Path, where: str) -> str:
    if kind == "env":
        if value not in os.environ:
            raise Usage(f"{where}: the environment has no {value}.", "Set it where the connector is started.")
        return os.environ[value]
    try:
        return (folder / value).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"{where}: {folder / value} cannot be read.", "Put the secret there, mode 0600.") from error


def _secrets(model: type[BaseModel] | None) -> set[str]:
    if model is None:
        return set()
    return {
        name
        for name, field in model.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("writeOnly")
    }


def _inner(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """The model of a field that is a table."""
    field = model.model_fields.get(name)
    if field is None:
        return None
    kinds = (field.annotation, *getattr(field.annotation, "__args__", ()))
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)


def _model_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    found: type[BaseModel] | None = model
    for part in loc:
        found = _inner(found, str(part)) if found is not None and not isinstance(part, int) else found
    return found


def _fields(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    at = _model_at(model, loc)
    secrets = _secrets(at)
    names = [n for n in (at.model_fields if at is not None else {}) if n not in secrets]
    return names + [f"{name}_{kind}" for name in sorted(secrets) for kind in ("file", "env")]


def _near(name: str, known: tuple[str, ...] | list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    return f"Did you mean {near[0]}?" if near else f"There are {', '.join(known) or 'none'}."


def origin_key(folder: Path, draw: bytes) -> bytes:
    """The secret that message ids depend on: kept beside the spool, made once of `draw`, the same for ever."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return bytes.fromhex(drawn_once(folder / "origin.key", draw[:KEY_BYTES].hex().encode()).decode("ascii"))
