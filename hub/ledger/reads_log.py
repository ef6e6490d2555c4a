"""The log as tiles: the published checkpoint, hashes and entries by their place. Owns the read side of tlog-tiles.

Never serves what the newest checkpoint does not cover, and never signs. Hashes above the leaves are computed from
them once per 256 leaves and kept in memory: they can be computed again at any time, and they never change.
"""

from __future__ import annotations

from typing import Final

import msgspec

from hub.core.merkle import HASH_SIZE, TILE_WIDTH, perfect_root
from hub.core.tiles import TILE_HEIGHT, Tile, join_entries, join_hashes
from hub.errors import Retry
from hub.ledger.reads import Pool

CHECKPOINT: Final = "SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1"
# One row a run: joined inside PostgreSQL, hashes travel as one value.
LEAVES: Final = """
SELECT string_agg(leaf, ''::bytea ORDER BY position), count(*) FROM entries WHERE position > %s AND position <= %s
"""
BUNDLE: Final = "SELECT entry FROM entries WHERE position > %s AND position <= %s ORDER BY position"
LAGS: Final = "the entries behind the checkpoint are not there yet (a replica lags)"
#: Leaves read at a time while the hashes of a high tile are computed: 2 MiB.
RUN: Final = 65_536


class Published(msgspec.Struct, frozen=True):
    """The newest signed checkpoint: how many entries it covers, and the note as it is served."""

    size: int
    note: str


class LogReads:
    """Tiles of the published tree."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._nodes: dict[tuple[int, int], bytes] = {}

    def checkpoint(self) -> Published | None:
        """The newest checkpoint; None before the first."""
        row = self._pool.run(lambda c: c.execute(CHECKPOINT).fetchone())
        return Published(*row) if row else None

    def tile(self, tile: Tile) -> bytes | None:
        """A tile's content; None when the published tree has no such tile."""
        published = self.checkpoint()
        if published is None or not tile.exists(published.size):
            return None
        if tile.level is None:
            return join_entries(self._entries(tile.first, tile.first + tile.width))
        return join_hashes(self._hashes(tile.level, tile.first, tile.width))

    def _entries(self, start: int, end: int) -> list[bytes]:
        rows = self._pool.run(lambda c: c.execute(BUNDLE, (start, end), binary=True).fetchall())
        if len(rows) != end - start:
            raise Retry(LAGS)
        return [row[0] for row in rows]

    def _hashes(self, level: int, first: int, width: int) -> list[bytes]:
        if level == 0:
            return self._leaves(first, first + width)
        self._fill(level, first, width)
        return [self._nodes[level, index] for index in range(first, first + width)]

    def _fill(self, level: int, first: int, width: int) -> None:
        """Compute the missing hashes of a level, each over 256 of the level below."""
        missing = [index for index in range(first, first + width) if (level, index) not in self._nodes]
        step = RUN // TILE_WIDTH if level == 1 else 1
        for start in range(0, len(missing), step):
            run = missing[start : start + step]
            # Missing ones are neighbors except where two requests met: then some are computed twice, to the same.
            below = self._hashes(level - 1, run[0] << TILE_HEIGHT, (run[-1] + 1 - run[0]) << TILE_HEIGHT)
            for index in run:
                at = (index - run[0]) << TILE_HEIGHT
                self._nodes[level, index] = perfect_root(below[at : at + TILE_WIDTH])

    def _leaves(self, start: int, end: int) -> list[bytes]:
        """Leaf hashes of the indexes from `start` up to, not including, `end`; positions count from 1."""
        row = self._pool.run(lambda c: c.execute(LEAVES, (start, end), binary=True).fetchone())
        joined = bytes(row[0]) if row and row[0] else b""
        if len(joined) != (end - start) * HASH_SIZE:
            raise Retry(LAGS)
        return [joined[i : i + HASH_SIZE] for i in range(0, len(joined), HASH_SIZE)]
