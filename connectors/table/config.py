"""What the table connector needs to know. Owns names, defaults and what contradicts itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, SecretStr, model_validator

from connectors.protocol import SECRET, Config

#: PostgreSQL cuts longer names.
Name = Annotated[str, Field(min_length=1, max_length=63)]
EXAMPLE: Final[dict[str, Any]] = {
    "host": "db.agency.local",
    "database": "welfare",
    "username": "ieum",
    "table": "ieum_referral",
    "key": "seq",
    "columns": ["접수번호", "이름", "생년월일", "연락처", "주소", "욕구"],
    "mode": "status",
    "status": "전송상태",
    "error": "오류내용",
    "answers": {"id": "이음번호", "state": "진행상태", "receiver": "담당기관", "due": "회신기한"},
}


class TableConfig(Config):
    """Where the table is, which rows are new, and where answers go. Names are as the database spells them."""

    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65_535)] = 5432
    database: Annotated[str, Field(min_length=1)]
    username: Annotated[str, Field(min_length=1)]
    password: Annotated[SecretStr, Field(json_schema_extra=SECRET)] = SecretStr("")
    tls: Annotated[
        Literal["verify-full", "require", "disable"],
        Field(description="verify-full checks the server's name; disable only for this machine."),
    ] = "verify-full"
    ca_file: Annotated[Path | None, Field(description="CA of the server's certificate.")] = None
    schema_name: Name = "public"
    table: Name
    key: Annotated[Name, Field(description="Its unique column, in the order of coming: a number from a sequence.")]
    columns: Annotated[
        tuple[Name, ...], Field(max_length=100, description="Columns sent, in order. Empty: all but those named here.")
    ] = ()
    number: Annotated[str, Field(description="The referral's number; its rows stay in order. Empty: the first.")] = ""
    format: Annotated[
        Literal["welfare", "housing"], Field(description="Which rows they are; the hub's mapping reads them by it.")
    ] = "welfare"
    mode: Annotated[
        Literal["status", "id"],
        Field(description="status: rows say that they are new. id: what is above the last key is new."),
    ] = "status"
    status: Annotated[str, Field(description="Column of the status (mode status).")] = ""
    new: Annotated[str, Field(description="A row to be sent.")] = "N"
    sent: Annotated[str, Field(description="A row that was taken.")] = "S"
    failed: Annotated[str, Field(description="A row that was refused; the column `error` says why.")] = "E"
    error: Annotated[str, Field(description="Column for the reason (mode status).")] = ""
    lookback: Annotated[
        int, Field(ge=0, le=100_000, description="Keys looked at again, for those that come late (mode id).")
    ] = 1000
    since: Annotated[str, Field(description="Column with a row's date, for `backfill`.")] = ""
    answers: Annotated[
        dict[Literal["id", "state", "receiver", "due", "reasons"], Name],
        Field(
            description="Columns of text that the hub writes to: its id of the referral, where it stands, who has it, "
            "until when an answer is due, why it was refused."
        ),
    ] = Field(default_factory=dict)
    batch: Annotated[int, Field(ge=1, le=5000)] = 500
    poll_s: Annotated[float, Field(gt=0, le=3600)] = 2.0
    timeout_s: Annotated[float, Field(gt=0, le=600, description="A statement that takes longer is ended.")] = 30.0

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.mode == "status" and not (self.status and self.error):
            raise ValueError("mode status needs the columns status and error")
        if self.mode == "status" and len({self.new, self.sent, self.failed}) < 3:  # noqa: PLR2004 - all of them
            raise ValueError("new, sent and failed are three different texts")
        if {"state", "receiver", "due"} & self.answers.keys() and "id" not in self.answers:
            raise ValueError("answers need a column for id: by it a row is found again when something changes")
        if len(set(self.written)) != len(self.written) or set(self.written) & {self.key, *self.columns}:
            raise ValueError("a column that is written cannot be another one as well")
        if self.columns and self.number and self.number not in self.columns:
            raise ValueError("number is one of columns")
        return self

    @property
    def written(self) -> tuple[str, ...]:
        """Columns that are the connector's to write."""
        own = (self.status, self.error) if self.mode == "status" else ()
        return (*own, *self.answers.values())

    @property
    def reads_only(self) -> bool:
        """Whether nothing is ever written: then the database is told so."""
        return not self.written
