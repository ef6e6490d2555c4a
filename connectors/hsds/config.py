"""What the directory connector needs to know. Owns names, defaults and what contradicts itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from connectors.protocol import SECRET, Config

#: A configuration that `spec` accepts.
EXAMPLE: Final[dict[str, Any]] = {"path": "/srv/ieum/directory", "poll_s": 300}
NOTHING: Final = SecretStr("")
REPORT: Final = "ieum-report.json"
OWN: Final = ".ieum"


class HsdsConfig(Config):
    """Where the directory is, and how often to look. Either `path` or `url`."""

    path: Annotated[
        str, Field(description="A folder of .json, .jsonl and .csv (an HSDS tabular data package), or one file.")
    ] = ""
    url: Annotated[str, Field(description="Base address of an HSDS API: what stands before /organizations.")] = ""
    token: Annotated[SecretStr, Field(json_schema_extra=SECRET, description="Sent as a bearer token to the API.")] = (
        NOTHING
    )
    page_size: Annotated[int, Field(ge=1, le=1000, description="Organizations of one page of the API.")] = 50
    poll_s: Annotated[float, Field(gt=0, le=86_400, description="Seconds between two looks.")] = 300.0
    timeout_s: Annotated[float, Field(gt=0, le=600, description="How long the API may keep us waiting.")] = 30.0
    state: Annotated[
        Path | None,
        Field(description="Folder for what was sent last of each organization. Default: .ieum beside a path."),
    ] = None
    report: Annotated[
        Path | None,
        Field(description=f"File of what could not be read or was refused. Default: {REPORT} beside a path."),
    ] = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if bool(self.path) == bool(self.url):
            raise ValueError("give either path or url")
        if self.url:
            if urlsplit(self.url).scheme not in {"http", "https"} or not urlsplit(self.url).hostname:
                raise ValueError("url begins with https://")
            if self.state is None:
                raise ValueError("url also needs state")
        return self

    @property
    def folder(self) -> Path:
        """The folder the directory is in; of an API the state's."""
        if self.url:
            return self.state or Path()
        path = Path(self.path)
        return path.parent if path.is_file() or path.suffix in {".json", ".jsonl", ".csv"} else path

    @property
    def state_folder(self) -> Path:
        """Where the state is."""
        return self.state or self.folder / OWN

    @property
    def report_file(self) -> Path:
        """Where the report is written."""
        return self.report or self.folder / REPORT
