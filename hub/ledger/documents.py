"""Documents of the projections, sealed: cases, records' features and edges. Owns their encoding, no meaning.

Projections are rebuilt from entries, so their key is derived from the key-encryption key. Features stay under the
record's own key: destroying it takes them too.
"""

from __future__ import annotations

import msgspec

from hub.core.identity.features import Features
from hub.core.listings import Listing, ListingDoc
from hub.core.sealing import Keys, keyed_digest, open_, seal, unwrap
from hub.core.state import Case

FEATURES, EDGES, CASE, LISTING = "features", "edges", "case", "listing"


class FeaturesDoc(msgspec.Struct, frozen=True, array_like=True):
    """What the matcher needs of a record."""

    features: Features
    keys: tuple[int, ...]


class EdgesDoc(msgspec.Struct, frozen=True, array_like=True):
    """A record's edges to earlier records, in centibits, and the guards on them."""

    edges: dict[str, int]
    guards: dict[str, str]


class JudgedDoc(msgspec.Struct, frozen=True, array_like=True):
    """Records that people said are the same person as this one, and another one; the household they said it is of.

    Ids only, so it is not sealed.
    """

    same: tuple[str, ...]
    apart: tuple[str, ...]
    pinned: str = ""


_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_features = msgspec.msgpack.Decoder(FeaturesDoc).decode
_edges = msgspec.msgpack.Decoder(EdgesDoc).decode
_judged = msgspec.msgpack.Decoder(JudgedDoc).decode
_case = msgspec.msgpack.Decoder(Case).decode
_listing = msgspec.msgpack.Decoder(ListingDoc).decode


def projection_key(keys: Keys) -> bytes:
    """The key of the projections."""
    return keyed_digest(keys.kek, "projections")


def seal_case(key: bytes, case: Case) -> bytes:
    """A case's document; the nonce follows its version. Where two documents share one, AES-GCM-SIV stays safe."""
    return seal(key, f"{case.id}/{case.seq}", CASE, _encode(case))


def open_case(key: bytes, id: str, seq: int, doc: bytes) -> Case:  # noqa: A002 - the column's name
    """The case of a document. `key` is `projection_key(keys)`."""
    return _case(open_(key, f"{id}/{seq}", CASE, doc))


def seal_listing(key: bytes, listing: Listing) -> bytes:
    """What a listing says; the nonce follows the position of its entry."""
    return seal(key, f"{listing.id}/{listing.position}", LISTING, _encode(listing.doc))


def open_listing(key: bytes, id: str, position: int, doc: bytes) -> ListingDoc:  # noqa: A002 - the column's name
    """What a listing says. `key` is `projection_key(keys)`."""
    return _listing(open_(key, f"{id}/{position}", LISTING, doc))


def seal_features(data_key: bytes, record: str, features: Features, keys: tuple[int, ...]) -> bytes:
    """A record's features under the record's own key."""
    return seal(data_key, record, FEATURES, _encode(FeaturesDoc(features, keys)))


def seal_edges(data_key: bytes, record: str, edges: dict[str, int], guards: dict[str, str]) -> bytes | None:
    """A record's edges, None when it has none."""
    return seal(data_key, record, EDGES, _encode(EdgesDoc(edges, guards))) if edges or guards else None


def open_features(data_key: bytes, record: str, sealed: bytes) -> FeaturesDoc:
    """A record's features."""
    return _features(open_(data_key, record, FEATURES, sealed))


def open_edges(data_key: bytes, record: str, sealed: bytes | None) -> EdgesDoc:
    """A record's edges."""
    return _edges(open_(data_key, record, EDGES, sealed)) if sealed else EdgesDoc({}, {})


def pack_judged(same: tuple[str, ...], apart: tuple[str, ...], pinned: str) -> bytes:
    """What people decided about a record."""
    return _encode(JudgedDoc(same, apart, pinned))


def read_judged(packed: bytes) -> JudgedDoc:
    """What people decided about a record."""
    return _judged(packed)


def data_key(kek: bytes, wrapped: bytes, key_id: str) -> bytes:
    """The data key of a record."""
    return unwrap(kek, wrapped, key_id)
