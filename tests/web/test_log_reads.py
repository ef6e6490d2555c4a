"""Tiles of every level are those of the Merkle tree, and none beyond the published checkpoint is served."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from hub.core.merkle import leaf_hash, root, tile_nodes
from hub.core.tiles import Tile, range_root, split_entries
from hub.errors import Retry
from hub.ledger import reads_log
from hub.ledger.reads_log import LogReads

SIZE = 66_000
LEAVES = [sha256(b"%d" % i).digest() for i in range(SIZE)]


class Rows:
    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._rows = rows

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows[0] if self._rows else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows


class Tables:
    """A pool and its connection at once. `held`: entries that are there; `published`: the checkpoint's size."""

    def __init__(self, held: int = SIZE, published: int = SIZE) -> None:
        self.held, self.published, self.read = held, published, 0

    def run(self, read: Any) -> Any:
        return read(self)

    def execute(self, statement: str, arguments: tuple[int, int] = (0, 0), **_: Any) -> Rows:
        start, end = arguments[0], min(arguments[1], self.held)
        if statement == reads_log.CHECKPOINT:
            return Rows([(self.published, "note")] if self.published else [])
        if statement == reads_log.BUNDLE:
            return Rows([(b"entry %d" % i,) for i in range(start, end)])
        self.read += end - start
        return Rows([(b"".join(LEAVES[start:end]), end - start)])


def test_hash_tiles_give_the_root_of_the_tree() -> None:
    log = LogReads(Tables())  # type: ignore[arg-type]

    def read(tile: Tile) -> bytes:
        content = log.tile(tile)
        assert content is not None
        return content

    assert range_root((0, SIZE), SIZE, read) == root(LEAVES)


def test_hashes_above_the_leaves_are_those_of_full_tiles_and_are_computed_once() -> None:
    tables = Tables()
    log = LogReads(tables)  # type: ignore[arg-type]
    first = tile_nodes(LEAVES)
    assert log.tile(Tile(1, 0)) == b"".join(first[:256])
    assert log.tile(Tile(1, 1, 1)) == first[256]
    assert log.tile(Tile(2, 0, 1)) == tile_nodes(first)[0]
    assert tables.read == 257 * 256
    log.tile(Tile(1, 0, 7))
    assert tables.read == 257 * 256


def test_bundles_hold_the_entries_of_their_place() -> None:
    content = LogReads(Tables()).tile(Tile(None, 1, 3))  # type: ignore[arg-type]
    assert list(split_entries(content or b"")) == [b"entry 256", b"entry 257", b"entry 258"]
    assert leaf_hash(b"")[:2].hex() == "6e34"


@pytest.mark.parametrize("tile", [Tile(0, 1), Tile(1, 0, 2), Tile(2, 0, 1), Tile(None, 1, 45), Tile(0, 10**20)])
def test_nothing_beyond_the_checkpoint_is_served(tile: Tile) -> None:
    assert LogReads(Tables(published=300)).tile(tile) is None  # type: ignore[arg-type]


def test_before_the_first_checkpoint_there_is_no_tile() -> None:
    assert LogReads(Tables(published=0)).tile(Tile(0, 0, 1)) is None  # type: ignore[arg-type]


def test_entries_missing_behind_a_checkpoint_are_waited_for_not_invented() -> None:
    log = LogReads(Tables(held=100, published=256))  # type: ignore[arg-type]
    for level in (0, None):
        with pytest.raises(Retry):
            log.tile(Tile(level, 0))
