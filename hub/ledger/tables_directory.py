"""The directory's table as a SQLModel class: what its migration creates. Never used on the hot path."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, String
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel


class ListingRow(SQLModel, table=True):
    """One organization in one agency's directory, as it was last published: a projection, sealed like a case.

    `content` is a keyed digest: what tells a new version from a repeat. `audience`: who may know of it.
    """

    __tablename__: ClassVar[Any] = "listings"
    __table_args__ = (Index("listings_position", "position", unique=True),)
    id: UUID = Field(primary_key=True)
    agency: str
    content: str
    modified: str
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    heard: str
    audience: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    doc: bytes
