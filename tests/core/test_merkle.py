"""The Merkle tree against published vectors, the naive definition, and tampering."""

from __future__ import annotations

import secrets
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core import merkle
from hub.core.merkle import Frontier
from hub.errors import Halt

INPUTS = [
    bytes.fromhex(text)
    for text in ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
]
LEAVES = [merkle.leaf_hash(entry) for entry in INPUTS]
# Certificate Transparency's reference roots for the first 1 … 8 inputs.
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
MANY = [merkle.leaf_hash(number.to_bytes(2, "big")) for number in range(600)]


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962's recursive definition, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return merkle.node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


def test_the_fixed_points_of_the_ledger_hold() -> None:
    assert merkle.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle.leaf_hash(b"L123456").hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    assert merkle.root([]) == Frontier().root() == merkle.EMPTY_ROOT


@pytest.mark.parametrize("size", range(1, 9))
def test_the_standard_inputs_give_the_published_roots(size: int) -> None:
    assert merkle.root(LEAVES[:size]).hex() == ROOTS[size - 1]


def test_the_published_proofs_are_generated() -> None:
    path = [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [node.hex() for node in merkle.inclusion_proof(LEAVES, 0)] == path
    assert [node.hex() for node in merkle.consistency_proof(LEAVES, 1)] == path


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 9, 100, 255, 256, 257, 600])
def test_the_frontier_is_the_naive_tree(size: int) -> None:
    one_by_one = Frontier()
    for leaf in MANY[:size]:
        one_by_one.append(leaf)
    assert one_by_one.root() == naive_root(MANY[:size])
    assert one_by_one.size == size


@given(cuts=st.lists(st.integers(0, 300), max_size=5))
def test_any_split_into_batches_gives_the_same_frontier(cuts: list[int]) -> None:
    split, at = Frontier(), 0
    for cut in [*sorted(cuts), 300]:
        split.extend(MANY[at:cut])
        at = cut
        split = Frontier.from_bytes(split.to_bytes())
    whole = Frontier()
    whole.extend(MANY[:300])
    assert split == whole


def test_a_copy_does_not_change_its_original() -> None:
    frontier = Frontier()
    frontier.extend(MANY[:5])
    frontier.copy().append(MANY[5])
    assert frontier.root() == naive_root(MANY[:5])


@pytest.mark.parametrize(
    "stored", [b"", b"\x00" * 7, b"\x00" * 8 + b"x", b"\x00" * 7 + b"\x01", b"\x00" * 7 + b"\x03" + b"r" * 63]
)
def test_a_damaged_frontier_halts(stored: bytes) -> None:
    with pytest.raises(Halt):
        Frontier.from_bytes(stored if len(stored) >= 8 else b"\xff" + stored)


def test_every_inclusion_proof_up_to_130_verifies_and_binds_leaf_index_and_size() -> None:
    other = secrets.token_bytes(32)
    for size in range(1, 131):
        root = merkle.root(MANY[:size])
        for index in range(size):
            proof = merkle.inclusion_proof(MANY, index, size)
            assert merkle.verify_inclusion(MANY[index], index, size, proof, root)
            assert not merkle.verify_inclusion(other, index, size, proof, root)
            assert not merkle.verify_inclusion(MANY[index], index + 1, size, proof, root)
            assert not merkle.verify_inclusion(MANY[index], index, size, [*proof, other], root)
            assert not merkle.verify_inclusion(MANY[index], index, size, proof[:-1], root) or not proof


def test_every_consistency_proof_up_to_130_verifies_and_binds_both_roots() -> None:
    roots = [merkle.root(MANY[:size]) for size in range(131)]
    other = secrets.token_bytes(32)
    for new in range(131):
        for old in range(new + 1):
            proof = merkle.consistency_proof(MANY, old, new)
            assert merkle.verify_consistency(old, roots[old], new, roots[new], proof)
            assert not merkle.verify_consistency(old, other, new, roots[new], proof)
            assert not merkle.verify_consistency(old, roots[old], new, roots[new], [*proof, other])
            if old:  # every tree extends the empty one, so its proof can bind nothing
                assert not merkle.verify_consistency(old, roots[old], new, other, proof)
            if proof:
                assert not merkle.verify_consistency(old, roots[old], new, roots[new], proof[:-1])


@given(st.data())
def test_a_flipped_bit_anywhere_breaks_a_proof(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 600))
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(MANY, index, size)
    at, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
    proof[at] = (int.from_bytes(proof[at], "big") ^ 1 << bit).to_bytes(32, "big")
    assert not merkle.verify_inclusion(MANY[index], index, size, proof, merkle.root(MANY[:size]))


@pytest.mark.parametrize(("index", "size"), [(-1, 1), (0, 0), (3, 3)])
def test_no_leaf_outside_a_tree_is_proven(index: int, size: int) -> None:
    assert not merkle.verify_inclusion(MANY[0], index, size, [], MANY[0])
    with pytest.raises(ValueError, match="not in a tree"):
        merkle.inclusion_ranges(index, size)


def test_a_tree_never_extends_a_larger_one() -> None:
    assert not merkle.verify_consistency(2, merkle.root(MANY[:2]), 1, MANY[0], [])
    with pytest.raises(ValueError, match="does not extend"):
        merkle.consistency_ranges(2, 1)


def test_a_tile_level_up_holds_the_roots_of_full_tiles_only() -> None:
    assert merkle.tile_nodes(MANY) == [naive_root(MANY[:256]), naive_root(MANY[256:512])]
    assert merkle.tile_nodes(MANY[:255]) == []
