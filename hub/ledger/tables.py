"""The tables as SQLModel classes: what migrations create and tests compare with. Never used on the hot path.

| table         | owns                                                             | trusted for              |
|---------------|------------------------------------------------------------------|--------------------------|
| entries       | the ledger: bytes and leaf hash, by position; insert-only        | everything               |
| bodies        | what entries point to, encrypted, with its wrapped key           | evidence, erasable       |
| messages      | one verdict per Kafka record, by its place; insert-only          | seen, receipts           |
| partitions    | how far each partition was decided, and which consumer may       | exactly-once effect      |
| head          | size, Merkle frontier, clock of the ledger: one row              | serial order             |
| records, blocking, units, cases, referrals, agencies, aliases, listings | projections of entries | speed only |
| reviews       | questions for a person: a projection as well                    | speed only               |
| continuations | pages of work a decision left                                    | a message of its own     |
| checkpoints, cursors, accounts | signed sizes; readers' positions; credentials' hashes | signer, relay, door |
| fhir_resources | what a hospital said in parts, sealed, 30 days at most          | nothing: it is a draft   |
| webhooks, webhook_log | where agencies want to be told, how far each was; the last attempts | at least once |
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Index, LargeBinary, SmallInteger, String, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel


class Entry(SQLModel, table=True):
    """One entry of the ledger. position = tree size after the append."""

    __tablename__: ClassVar[Any] = "entries"
    __table_args__ = (
        Index("entries_cause", "cause", "ordinal", unique=True),
        Index("entries_registrations", "position", postgresql_where=text("kind = 'agency.registered'")),
        Index(
            "entries_people",
            "position",
            postgresql_where=text("kind IN ('person.merged', 'person.split', 'identity.decided')"),
        ),
        Index("entries_case", "case_id", "position", postgresql_where=text("case_id IS NOT NULL")),
    )
    position: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    cause: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    ordinal: int = Field(sa_column=Column(SmallInteger, nullable=False))
    case_id: UUID | None = None
    kind: str
    leaf: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    entry: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Body(SQLModel, table=True):
    """An encrypted body and its wrapped data key. Destroying `wrapped` erases it; the ledger stays valid."""

    __tablename__: ClassVar[Any] = "bodies"
    key_id: UUID = Field(primary_key=True)
    cls: str = Field(primary_key=True)
    wrapped: bytes | None = None
    sealed: bytes | None = None


class Message(SQLModel, table=True):
    """The verdict on one Kafka record. Only the first of equal messages carries a verdict other than seen."""

    __tablename__: ClassVar[Any] = "messages"
    __table_args__ = (
        Index("messages_first", "cause", unique=True, postgresql_where=text("verdict <> 'seen'")),
        Index("messages_position", "position", postgresql_where=text("position > 0 AND verdict <> 'seen'")),
    )
    partition_id: int = Field(primary_key=True)
    record_offset: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    cause: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    verdict: str
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    data_digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    raw_key: UUID
    heard: str


class Partition(SQLModel, table=True):
    """How far a partition of one topic (by its id, so a re-created topic is another) was decided."""

    __tablename__: ClassVar[Any] = "partitions"
    __table_args__ = (Index("partitions_place", "cluster", "topic_id", "partition", unique=True),)
    id: int | None = Field(default=None, primary_key=True)
    cluster: str
    topic_id: str
    topic: str
    partition: int
    epoch: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    next_offset: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    moved_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()")))


class Head(SQLModel, table=True):
    """One row: the size and frontier of the tree, the ledger's clock, the feed's epoch."""

    __tablename__: ClassVar[Any] = "head"
    id: int = Field(primary_key=True)
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    frontier: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    heard: str
    epoch: str
    origin: str
    directory_version: int
    refusals: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class Record(SQLModel, table=True):
    """One mention of one person: who it belongs to, where it was filed; features and edges sealed."""

    __tablename__: ClassVar[Any] = "records"
    __table_args__ = (
        # A component is called after its first record: that one is found by its id.
        Index("records_others", "component", postgresql_where=text("component <> id")),
        Index("records_person", "person"),
    )
    id: UUID = Field(primary_key=True)
    component: UUID
    person: UUID
    case_id: UUID
    unit: int | None = Field(default=None, sa_column=Column(BigInteger))
    at: str
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    wrapped: bytes | None = None
    features: bytes | None = None
    edges: bytes | None = None
    judged: bytes | None = None


class Blocking(SQLModel, table=True):
    """Keyed blocking keys of records."""

    __tablename__: ClassVar[Any] = "blocking"
    key: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    record: UUID = Field(primary_key=True)


class Unit(SQLModel, table=True):
    """Which case a dwelling's keyed address belongs to."""

    __tablename__: ClassVar[Any] = "units"
    key: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    case_id: UUID


class Case(SQLModel, table=True):
    """A household's aggregate, sealed under the projection key."""

    __tablename__: ClassVar[Any] = "cases"
    id: UUID = Field(primary_key=True)
    seq: int
    doc: bytes


class Referral(SQLModel, table=True):
    """Where referrals are found: by id, by the source's number, by what is due, by who must answer."""

    __tablename__: ClassVar[Any] = "referrals"
    __table_args__ = (
        Index("referrals_number", "number_key"),
        Index("referrals_due", "due", "id", postgresql_where=text("state = 'offered'")),
        Index("referrals_receiver", "receiver", "state"),
    )
    id: UUID = Field(primary_key=True)
    case_id: UUID
    agency: str
    number_key: bytes
    receiver: str
    state: str
    due: str


class AgencyRow(SQLModel, table=True):
    """The directory's projection."""

    __tablename__: ClassVar[Any] = "agencies"
    code: str = Field(primary_key=True)
    doc: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class Alias(SQLModel, table=True):
    """A person's former id."""

    __tablename__: ClassVar[Any] = "aliases"
    person: UUID = Field(primary_key=True)
    into: UUID


class ReviewRow(SQLModel, table=True):
    """A question for a person: are two records one person? `decided` is '' while nobody answered."""

    __tablename__: ClassVar[Any] = "reviews"
    __table_args__ = (
        Index("reviews_open", text("rank DESC"), "id", postgresql_where=text("decided = ''")),
        Index("reviews_record", "record"),
        Index("reviews_other", "other"),
    )
    id: UUID = Field(primary_key=True)
    record: UUID
    other: UUID
    rank: int
    human: bool
    guard: str
    consequences: str
    heard: str
    decided: str


class Continuation(SQLModel, table=True):
    """Work a decision left for later: a message of its own, decided once."""

    __tablename__: ClassVar[Any] = "continuations"
    id: int | None = Field(default=None, primary_key=True)
    message: bytes
    heard: str


class Cursor(SQLModel, table=True):
    """How far a reader of the ledger got, and who may move it (the lease's epoch)."""

    __tablename__: ClassVar[Any] = "cursors"
    name: str = Field(primary_key=True)
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    lease: int = Field(sa_column=Column(BigInteger, nullable=False))


class Checkpoint(SQLModel, table=True):
    """A signed size of the tree."""

    __tablename__: ClassVar[Any] = "checkpoints"
    size: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    root: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    note: str
    frontier: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Account(SQLModel, table=True):
    """An agency's way in: the hash of its token. Never the token."""

    __tablename__: ClassVar[Any] = "accounts"
    __table_args__ = (Index("accounts_token", "token_hash", unique=True),)
    agency: str = Field(primary_key=True)
    token_hash: bytes
    active: bool = True
    rate: float | None = None


class FhirResource(SQLModel, table=True):
    """A sender's own FHIR resource. When it expires its content goes; of a referral's only the way to it stays."""

    __tablename__: ClassVar[Any] = "fhir_resources"
    __table_args__ = (
        Index("fhir_resources_names", "names", postgresql_using="gin"),
        Index("fhir_resources_expires", "expires", postgresql_where=text("wrapped IS NOT NULL")),
    )
    agency: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    at: str
    expires: str
    names: list[bytes] = Field(sa_column=Column(ARRAY(LargeBinary), nullable=False))
    number_key: bytes | None = None
    message: str
    wrapped: bytes | None = None
    sealed: bytes | None = None


class WebhookRow(SQLModel, table=True):
    """An agency's endpoint: everything up to `position` that concerns it was delivered there."""

    __tablename__: ClassVar[Any] = "webhooks"
    id: str = Field(primary_key=True)
    agency: str
    url: str
    kinds: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    state: str
    why: str
    attempt: int
    due: str


class WebhookAttempt(SQLModel, table=True):
    """One attempt to deliver: the last thousand of each endpoint. Neither what was sent nor what was answered."""

    __tablename__: ClassVar[Any] = "webhook_log"
    __table_args__ = (Index("webhook_log_endpoint", "endpoint", "id"),)
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True))
    endpoint: str
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    attempt: int
    at: str
    status: int
    ms: int
    outcome: str
