"""Tiles, entry bundles and receipts: the log as static files anyone can fetch (C2SP tlog-tiles and tlog-proof).

Owns paths, contents and which tiles a tree of some size has. Never reads or serves one: whoever has tiles passes a
reader. A receipt parsed is not a receipt verified: `Receipt.prove` checks the path, `note.open_checkpoint` the signer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.core.merkle import HASH_SIZE, TILE_WIDTH, fold, perfect_root, verify_inclusion
from hub.core.note import Checkpoint, Note, NoteError, from_base64, number, to_base64
from hub.errors import Halt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hub.core.merkle import Range

TILE_HEIGHT: Final = 8
MAX_LEVEL: Final = 63
MAX_ENTRY_BYTES: Final = 0xFFFF
_LENGTH_BYTES: Final = 2
_PROOF_HEADER: Final = "c2sp.org/tlog-proof@v1"
_PATH: Final = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Tile:
    """The address of a tile: the index-th run of 256 at a level, or of its first `width`. level None: entries."""

    level: int | None
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """`tile/<L>/<N>[.p/<W>]`, the index in groups of three digits, all but the last marked with x."""
        level = "entries" if self.level is None else self.level
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{_grouped(self.index)}{partial}"

    @classmethod
    def parse(cls, path: str) -> Tile | None:
        """The tile of a path; None for what is no tile's path, including other spellings of one."""
        match = _PATH.fullmatch(path)
        if match is None or len(match["index"]) > len("x000/") * 7:
            return None
        level = None if match["level"] == "entries" else int(match["level"])
        index = int(match["index"].replace("x", "").replace("/", ""))
        tile = cls(level, index, int(match["width"] or TILE_WIDTH))
        return tile if tile.path == path and (level or 0) <= MAX_LEVEL and tile.width <= TILE_WIDTH else None

    @property
    def first(self) -> int:
        """The position, at its own level, of the first hash or entry it holds."""
        return self.index * TILE_WIDTH

    def exists(self, size: int) -> bool:
        """Whether a tree of `size` has this many hashes here. A tree has each partial tile it once had."""
        return self.first + self.width <= size >> TILE_HEIGHT * (self.level or 0)


def _grouped(index: int) -> str:
    head, last = divmod(index, 1000)
    groups = [f"{last:03d}"]
    while head:
        head, group = divmod(head, 1000)
        groups.append(f"x{group:03d}")
    return "/".join(reversed(groups))


def tiles_of(size: int) -> Iterator[Tile]:
    """Every hash tile a tree of this size has, full ones first at each level; the last of a level may be partial."""
    level, width = 0, size
    while width:
        full, rest = divmod(width, TILE_WIDTH)
        yield from (Tile(level, index) for index in range(full))
        if rest:
            yield Tile(level, full, rest)
        level, width = level + 1, full


def join_hashes(hashes: Iterable[bytes]) -> bytes:
    """The content of a hash tile."""
    return b"".join(hashes)


def split_hashes(content: bytes) -> list[bytes]:
    """The hashes of a tile. Raises Halt when it is no tile."""
    if not content or len(content) % HASH_SIZE or len(content) > HASH_SIZE * TILE_WIDTH:
        raise Halt(f"{len(content)} bytes are no hash tile")
    return [content[i : i + HASH_SIZE] for i in range(0, len(content), HASH_SIZE)]


def join_entries(entries: Iterable[bytes]) -> bytes:
    """The content of an entry bundle: each entry after its length as big-endian uint16."""
    return b"".join([len(entry).to_bytes(_LENGTH_BYTES, "big") + entry for entry in entries])


def split_entries(content: bytes) -> Iterator[bytes]:
    """The entries of a bundle, or of many joined. Raises Halt when it ends inside an entry."""
    at = 0
    while at < len(content):
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(content[at:start], "big")
        if at > len(content) or start > len(content):
            raise Halt("the entry bundle ends inside an entry")
        yield content[start:at]


def range_root(span: Range, size: int, read: Callable[[Tile], bytes]) -> bytes:
    """The root over one of the ranges of a proof in a tree of `size`, from at most a few tiles.

    span: from `merkle.inclusion_ranges` or `consistency_ranges`. read: gives the content of a tile of that tree.
    """
    start, end = span
    roots: list[bytes] = []
    while start < end:
        height = (end - start).bit_length() - 1
        roots.append(_subtree(start >> height, height, size, read))
        start += 1 << height
    return fold(roots)


def _subtree(position: int, height: int, size: int, read: Callable[[Tile], bytes]) -> bytes:
    """The root of the position-th perfect subtree of a height: some neighboring hashes of one tile, folded."""
    level, up = divmod(height, TILE_HEIGHT)
    index, first = divmod(position << up, TILE_WIDTH)
    width = min(TILE_WIDTH, (size >> TILE_HEIGHT * level) - index * TILE_WIDTH)
    return perfect_root(split_hashes(read(Tile(level, index, width)))[first : first + (1 << up)])


@dataclass(frozen=True, slots=True)
class Receipt:
    """A `.tlog-proof`: that a record stands at `index` of the tree of a checkpoint. `extra` is authenticated by nobody.

    checkpoint: the signed note, verbatim.
    """

    index: int
    proof: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def to_bytes(self) -> bytes:
        """The file's content."""
        extra = () if self.extra is None else (f"extra {to_base64(self.extra)}",)
        lines = (_PROOF_HEADER, *extra, f"index {self.index}", *map(to_base64, self.proof), "")
        return "".join(f"{line}\n" for line in lines).encode() + self.checkpoint

    @classmethod
    def parse(cls, raw: bytes) -> Receipt:
        """The inverse of `to_bytes`. Raises NoteError when it is no receipt; the checkpoint is not looked into."""
        head, blank, checkpoint = raw.partition(b"\n\n")
        if not blank or not head.isascii():
            raise NoteError("a receipt is a proof, an empty line and a checkpoint")
        lines = head.decode().split("\n")
        extra = from_base64(lines.pop(1)[len("extra ") :]) if lines[1:] and lines[1].startswith("extra ") else None
        if lines[0] != _PROOF_HEADER or not lines[1:] or not lines[1].startswith("index "):
            raise NoteError(f"a receipt starts with {_PROOF_HEADER!r} and an index")
        proof = tuple(from_base64(line) for line in lines[2:])
        if any(len(node) != HASH_SIZE for node in proof):
            raise NoteError(f"each hash of a receipt has {HASH_SIZE} bytes")
        return cls(number(lines[1].removeprefix("index ")), proof, checkpoint, extra)

    def prove(self, leaf: bytes) -> bool:
        """Whether the path leads from this leaf hash to the checkpoint's root; says nothing about signatures."""
        head = Checkpoint.parse(Note.parse(self.checkpoint).text)
        return verify_inclusion(leaf, self.index, head.size, self.proof, head.root)
