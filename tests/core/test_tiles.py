"""Tiles, bundles and receipts: paths as the standard spells them, and proofs from tiles alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core import merkle, tiles
from hub.core.note import Checkpoint, Note, NoteError, SigningKey
from hub.core.tiles import Receipt, Tile
from hub.errors import Halt

if TYPE_CHECKING:
    from collections.abc import Callable

MANY = [merkle.leaf_hash(number.to_bytes(4, "big")) for number in range(70_000)]
LOG = SigningKey("hub.example/log", b"l" * 32)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 999), "tile/0/999"),
        (Tile(1, 1000), "tile/1/x001/000"),
        (Tile(0, 1_234_067), "tile/0/x001/x234/067"),
        (Tile(63, 0, 1), "tile/63/000.p/1"),
        (Tile(None, 1_234_067, 255), "tile/entries/x001/x234/067.p/255"),
    ],
)
def test_a_path_is_spelled_as_the_standard_says(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert Tile.parse(path) == tile


@given(st.builds(Tile, st.none() | st.integers(0, 63), st.integers(0, 10**12), st.integers(1, 256)))
def test_every_tile_is_found_again_by_its_path(tile: Tile) -> None:
    assert Tile.parse(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/0",
        "tile/0/1234",
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/999",
        "tile/0/000/",
        "/tile/0/000",
        "tile/0/../000",
        "tile/0/٠٠٠",
        "tile/0/" + "x001/" * 2000 + "000",
    ],
)
def test_what_is_no_tile_path_is_none(path: str) -> None:
    assert Tile.parse(path) is None


def test_a_tree_of_70000_has_the_tiles_of_the_standards_example() -> None:
    found = list(tiles.tiles_of(70_000))
    partial = [tile for tile in found if tile.width < 256]
    assert len(found) - len(partial) == 273 + 1
    assert partial == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]


def test_a_tree_of_256_has_a_full_tile_and_a_partial_one_above() -> None:
    assert list(tiles.tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]


@pytest.mark.parametrize(
    ("tile", "exists"),
    [(Tile(0, 0), True), (Tile(0, 1, 44), True), (Tile(0, 1, 45), False), (Tile(0, 1), False), (Tile(1, 0, 1), True)],
)
def test_a_tile_exists_once_the_tree_is_large_enough(tile: Tile, exists: bool) -> None:  # noqa: FBT001
    assert tile.exists(300) is exists


def reader(size: int) -> Callable[[Tile], bytes]:
    levels = [MANY[:size]]
    while len(levels[-1]) >= 256:
        levels.append(merkle.tile_nodes(levels[-1]))

    def read(tile: Tile) -> bytes:
        assert tile.exists(size)
        hashes = levels[tile.level or 0][tile.first : tile.first + tile.width]
        assert len(hashes) == tile.width
        return tiles.join_hashes(hashes)

    return read


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 1000, 65_536, 65_537, 70_000])
def test_proofs_from_tiles_verify(size: int) -> None:
    read, root = reader(size), merkle.root(MANY[:size])
    for index in {0, size // 3, size // 2, size - 1}:
        path = [tiles.range_root(span, size, read) for span in merkle.inclusion_ranges(index, size)]
        assert merkle.verify_inclusion(MANY[index], index, size, path, root)
        grown = [tiles.range_root(span, size, read) for span in merkle.consistency_ranges(index, size)]
        assert merkle.verify_consistency(index, merkle.root(MANY[:index]), size, root, grown)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_entries_survive_a_bundle(entries: list[bytes]) -> None:
    assert list(tiles.split_entries(tiles.join_entries(entries))) == entries


def test_an_entry_follows_its_length_in_two_bytes() -> None:
    assert tiles.join_entries([b"ab", b""]) == b"\x00\x02ab\x00\x00"
    assert list(tiles.split_entries(tiles.join_entries([b"x" * 65_535]))) == [b"x" * 65_535]


@pytest.mark.parametrize("content", [b"\x00", b"\x00\x02a", b"\x00\x01a\x00"])
def test_a_torn_bundle_halts(content: bytes) -> None:
    with pytest.raises(Halt, match="ends inside"):
        list(tiles.split_entries(content))


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 32 * 257])
def test_what_is_no_hash_tile_halts(content: bytes) -> None:
    with pytest.raises(Halt, match="no hash tile"):
        tiles.split_hashes(content)


def receipt(index: int, size: int, extra: bytes | None = None) -> Receipt:
    text = Checkpoint(LOG.name, size, merkle.root(MANY[:size])).text()
    note = Note(text, (LOG.sign(text),)).to_bytes()
    return Receipt(index, tuple(merkle.inclusion_proof(MANY, index, size)), note, extra)


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 2), (5, 9), (299, 300)])
@pytest.mark.parametrize("extra", [None, b"", b"more"])
def test_a_receipt_survives_its_file_and_proves_its_leaf_alone(index: int, size: int, extra: bytes | None) -> None:
    made = receipt(index, size, extra)
    read = Receipt.parse(made.to_bytes())
    assert read == made
    assert read.prove(MANY[index])
    assert not read.prove(MANY[index + 1])


def test_a_receipt_is_spelled_as_the_standard_says() -> None:
    lines = receipt(1, 2, b"x").to_bytes().decode().split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra eA==", "index 1"]
    assert lines[4:7] == ["", "hub.example/log", "2"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"@v1", b"@v2"),
        (b"index 5", b"index 05"),
        (b"index 5", b"indexes 5"),
        (b"index 5\n", b"index 5\nAAAA\n"),
        (b"index 5\n", b""),
        (b"index 5\n", b"extra ?\nindex 5\n"),
        (b"\n\n", b"\n"),
    ],
)
def test_a_malformed_receipt_is_refused(old: bytes, new: bytes) -> None:
    with pytest.raises(NoteError):
        Receipt.parse(receipt(5, 9).to_bytes().replace(old, new))
