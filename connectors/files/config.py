"""What the files connector needs to know. Owns names, defaults and what contradicts itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, SecretStr, model_validator

from connectors.protocol import SECRET, Config
from connectors.reading import NAMES

#: A configuration that `spec` accepts.
EXAMPLE: Final[dict[str, Any]] = {"mode": "folder", "folder": "/srv/ieum/drop", "ready": "quiet"}
NOTHING: Final = SecretStr("")


class FilesConfig(Config):
    """Where the files are, when one is complete, and how its report is written."""

    mode: Annotated[Literal["folder", "sftp"], Field(description="A folder of this machine, or one over SFTP.")] = (
        "folder"
    )
    folder: Annotated[str, Field(min_length=1, description="The folder; under SFTP the path on the server.")]
    ready: Annotated[
        Literal["quiet", "renamed", "done", "manifest"],
        Field(
            description="When a file is complete: unchanged for quiet_s seconds; at once, as its writer renames it "
            "from .tmp or .part; when NAME.done is there; when manifest.json (or .csv) names it and its bytes match."
        ),
    ] = "quiet"
    quiet_s: Annotated[float, Field(ge=0, le=3600, description="Seconds without a change (ready = quiet).")] = 10.0
    poll_s: Annotated[float, Field(gt=0, le=3600, description="Seconds between two looks.")] = 5.0
    format: Annotated[
        str | None, Field(description=f"If content does not tell: {', '.join(NAMES)}.", examples=["housing"])
    ] = None
    report: Annotated[
        Literal["same", "xlsx", "none"],
        Field(description="Reports: as the file (CSV in its charset, else XLSX), always XLSX, or none."),
    ] = "same"
    names: Annotated[dict[str, str], Field(description="Names of agencies by their code, as reports show them.")] = (
        Field(default_factory=dict)
    )
    retry_refused: Annotated[
        Literal["report", "always", "never"],
        Field(description="Rows that the hub refused are sent once more: with their report alone, or with any list."),
    ] = "report"
    max_bytes: Annotated[int, Field(ge=1, description="A larger file is rejected unread.")] = 1 << 30
    keep_days: Annotated[int, Field(ge=1, description="Reports are kept up to date for this many days.")] = 400
    state: Annotated[
        Path | None,
        Field(description="Folder of this machine for what reports are made of. Default: .ieum in a local folder."),
    ] = None
    host: Annotated[str, Field(description="SFTP server.")] = ""
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    username: str = ""
    host_key: Annotated[
        str, Field(description="The server's public key: a line of `ssh-keyscan`, without its name.")
    ] = ""
    key_file: Annotated[Path | None, Field(description="Our private key.")] = None
    key_passphrase: Annotated[SecretStr, Field(json_schema_extra=SECRET)] = NOTHING
    password: Annotated[SecretStr, Field(json_schema_extra=SECRET)] = NOTHING

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.format is not None and self.format not in NAMES:
            raise ValueError(f"format is one of {', '.join(NAMES)}")
        if self.mode == "sftp":
            missing = [name for name in ("host", "username", "host_key", "state") if not getattr(self, name)]
            if missing:
                raise ValueError(f"mode sftp also needs {', '.join(missing)}")
            if self.key_file is None and not self.password.get_secret_value():
                raise ValueError("mode sftp also needs key_file or password")
        return self

    @property
    def state_folder(self) -> Path:
        """Where the state is."""
        return self.state or Path(self.folder) / ".ieum"
