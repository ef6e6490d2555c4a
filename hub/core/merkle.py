"""The Merkle tree of the ledger: hashes, the frontier, and proofs, exactly as RFC 6962 and RFC 9162 section 2.1 say.

Owns arithmetic over 32-byte hashes. Never reads or stores anything, never sees an entry after `leaf_hash`, and knows
no file format: notes are `note.py`, tiles and receipts are `tiles.py`.

Proofs are first named as ranges of leaves (`inclusion_ranges`, `consistency_ranges`), each standing for the root over
it. So one rule serves callers that hold every leaf hash and callers that hold tiles (`tiles.range_root`).
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from hub.errors import Halt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HASH_SIZE: Final = 32
TILE_WIDTH: Final = 256
EMPTY_ROOT: Final = sha256(b"").digest()
_SIZE_BYTES: Final = 8

Range = tuple[int, int]
"""Leaves from the first index up to, not including, the second."""


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 ‖ entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The roots of the perfect subtrees that make up a tree, largest first: all that appending needs.

    `append` and `extend` take leaf *hashes*. It holds one root per set bit of `size`, so 2^20 leaves need one.
    """

    __slots__ = ("_roots", "size")

    def __init__(self, size: int = 0, roots: Iterable[bytes] = ()) -> None:
        self.size = size
        self._roots = list(roots)
        if size < 0 or len(self._roots) != size.bit_count() or any(len(r) != HASH_SIZE for r in self._roots):
            raise Halt(f"a frontier of size {size} cannot hold these {len(self._roots)} roots")

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash; its index is the `size` before."""
        roots, size = self._roots, self.size
        self.size = size + 1
        while size & 1:
            leaf = sha256(b"\x01" + roots.pop() + leaf).digest()
            size >>= 1
        roots.append(leaf)

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes in order. The same as `append` for each, without a call for each."""
        roots, size, sha = self._roots, self.size, sha256
        for leaf in leaves:
            node, carry = leaf, size
            while carry & 1:
                node = sha(b"\x01" + roots.pop() + node).digest()
                carry >>= 1
            roots.append(node)
            size += 1
        self.size = size

    def root(self) -> bytes:
        """The tree's root at this size (RFC 6962 MTH)."""
        return fold(self._roots)

    def copy(self) -> Frontier:
        """An independent frontier, to try leaves on."""
        return Frontier(self.size, self._roots)

    def to_bytes(self) -> bytes:
        """Size as 8 bytes big-endian, then the roots, largest subtree first."""
        return self.size.to_bytes(_SIZE_BYTES, "big") + b"".join(self._roots)

    @classmethod
    def from_bytes(cls, stored: bytes) -> Frontier:
        """The inverse of `to_bytes`. Raises Halt when the length does not fit the size."""
        size, body = int.from_bytes(stored[:_SIZE_BYTES], "big"), stored[_SIZE_BYTES:]
        return cls(size, (body[i : i + HASH_SIZE] for i in range(0, len(body), HASH_SIZE)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frontier) and (self.size, self._roots) == (other.size, other._roots)

    __hash__ = None  # type: ignore[assignment]  # it changes, so it is no key

    def __repr__(self) -> str:
        return f"Frontier(size={self.size}, root={self.root().hex()[:16]}…)"


def fold(roots: Sequence[bytes]) -> bytes:
    """The root over neighboring perfect subtrees, largest first; of none, the empty root."""
    if not roots:
        return EMPTY_ROOT
    node = roots[-1]
    for left in reversed(roots[:-1]):
        node = sha256(b"\x01" + left + node).digest()
    return node


def root(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes."""
    frontier = Frontier()
    frontier.extend(leaves)
    return frontier.root()


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """The root over 1, 2, 4, 8 … hashes of equal height. Level by level, faster than the frontier."""
    row = hashes
    while len(row) > 1:
        row = [sha256(b"\x01" + left + right).digest() for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]


def tile_nodes(hashes: Sequence[bytes]) -> list[bytes]:
    """The hashes one tile level up: the root of each full run of 256. A partial run is never hashed (tlog-tiles)."""
    full = len(hashes) - len(hashes) % TILE_WIDTH
    return [perfect_root(hashes[i : i + TILE_WIDTH]) for i in range(0, full, TILE_WIDTH)]


def _split(width: int) -> int:
    """The largest power of two below `width` (RFC 6962's k)."""
    return 1 << (width - 1).bit_length() - 1


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The ranges whose roots prove leaf `index` in a tree of `size`, from the leaf's sibling up."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of size {size}")
    start, end = 0, size
    path: list[Range] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return path[::-1]


def consistency_ranges(old: int, new: int) -> list[Range]:
    """The ranges whose roots prove that the tree of size `old` is a prefix of the one of size `new`."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of size {new} does not extend one of size {old}")
    if old == 0:
        return []
    start, end = 0, new
    path: list[Range] = []
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    if start:  # the old tree is no perfect subtree from 0, so its last part must be given too
        path.append((start, end))
    return path[::-1]


def inclusion_proof(leaves: Sequence[bytes], index: int, size: int | None = None) -> list[bytes]:
    """The audit path of leaf `index` in the tree over the first `size` leaf hashes (all, if not given)."""
    width = len(leaves) if size is None else size
    return [root(leaves[start:end]) for start, end in inclusion_ranges(index, width)]


def consistency_proof(leaves: Sequence[bytes], old: int, new: int | None = None) -> list[bytes]:
    """The proof that the tree over the first `old` leaf hashes is a prefix of that over `new` (all, if not given)."""
    width = len(leaves) if new is None else new
    return [root(leaves[start:end]) for start, end in consistency_ranges(old, width)]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], tree_root: bytes) -> bool:
    """Whether the proof leads from this leaf hash at this index to the root at this size (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, at, last = leaf, index, size - 1
    for sibling in proof:
        if last == 0 or len(sibling) != HASH_SIZE:
            return False
        if at & 1 or at == last:
            node = node_hash(sibling, node)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and node == tree_root


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the tree (new, new_root) extends the tree (old, old_root) by appending only (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old in {0, new}:
        expected = EMPTY_ROOT if old == 0 else new_root
        return not proof and old_root == expected and (new != 0 or new_root == EMPTY_ROOT)
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    return _extends(old, new, path) == (old_root, new_root)


def _extends(old: int, new: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """The two roots a consistency path leads to; None when its length or hashes cannot be right."""
    if not path or any(len(node) != HASH_SIZE for node in path):
        return None
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if at & 1 or at == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        at, last = at >> 1, last >> 1
    return (before, after) if last == 0 else None
