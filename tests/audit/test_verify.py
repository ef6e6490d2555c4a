"""Verify: an untouched ledger holds; whatever somebody changes behind it is named, with the case and the persons."""

from __future__ import annotations

import orjson
import pytest

from hub.audit.findings import Verified
from hub.audit.verify import verify
from hub.core.merkle import leaf_hash
from hub.core.note import SigningKey
from hub.ledger.history import History
from tests.audit.filled import LOG_KEY, ORIGIN, Filled


def verified(ledger: Filled, key: SigningKey = LOG_KEY) -> Verified:
    with History(ledger.url) as history:
        return verify(history, key.verifier())


def a_referral(ledger: Filled) -> tuple[int, bytes]:
    """Position and bytes of a recorded referral in the middle."""
    found = [(n, raw) for n, raw in enumerate(ledger.entries(), 1) if orjson.loads(raw)["kind"] == "referral.recorded"]
    return found[len(found) // 2]


def test_an_untouched_ledger_holds_up_to_its_last_body_and_checkpoint(filled: Filled) -> None:
    done: list[tuple[int, int]] = []
    with History(filled.url) as history:
        found = verify(history, LOG_KEY.verifier(), lambda now, all_: done.append((now, all_)))
    assert found.holds, found.findings
    assert (found.entries, found.root, found.checkpoints) == (found.head.size, found.head.root, 3)
    assert found.messages == filled.verdicts["recorded"] + filled.verdicts["refused"]
    refs = {(r["key_id"], r["class"]) for e in map(orjson.loads, filled.entries()) for r in e["bodies"]}
    pointed_to = {ref for ref in refs if ref[1] != "raw"}
    assert (found.bodies, found.erased) == (len(pointed_to) + found.messages, 0)
    assert done[-1] == (found.entries, found.entries)


def test_an_empty_ledger_holds(empty: Filled) -> None:
    assert verified(empty).holds


def test_a_changed_entry_is_named_with_its_case_and_its_persons(filled: Filled) -> None:
    position, raw = a_referral(filled)
    entry = orjson.loads(raw)
    filled.harm(
        "UPDATE entries SET entry = %s WHERE position = %s", raw.replace(b'"urgency":"', b'"urgency":" '), position
    )
    (finding,) = verified(filled).findings
    assert (finding.what, finding.position, finding.case) == ("damaged", position, entry["case"])
    assert entry["facts"]["person"] in finding.persons


def test_bytes_that_are_no_entry_any_more_are_named_too(filled: Filled) -> None:
    position, raw = a_referral(filled)
    filled.harm("UPDATE entries SET entry = %s WHERE position = %s", b"\x00\xff" + raw[9:], position)
    assert {(f.what, f.position) for f in verified(filled).findings} >= {("damaged", position)}


def test_an_entry_changed_together_with_its_leaf_is_caught_by_the_next_checkpoint_alone(filled: Filled) -> None:
    position, raw = a_referral(filled)
    changed = raw.replace(b'"legal_basis":"', b'"legal_basis":"x')
    statement = "UPDATE entries SET entry = %s, leaf = %s WHERE position = %s"
    filled.harm(statement, changed, leaf_hash(changed), position)
    (finding,) = verified(filled).findings
    assert finding.what == "tree"
    assert finding.position <= position <= finding.last


def test_a_missing_entry_is_named_by_its_position(filled: Filled) -> None:
    position, _ = a_referral(filled)
    filled.harm("DELETE FROM entries WHERE position = %s", position)
    found = verified(filled)
    assert ("missing", position, position) in {(f.what, f.position, f.last) for f in found.findings}


def test_a_ledger_cut_off_at_its_end_is_caught(filled: Filled) -> None:
    filled.harm("DELETE FROM entries WHERE position > (SELECT max(position) - 3 FROM entries)")
    assert {f.what for f in verified(filled).findings} >= {"missing", "head"}


def test_a_ledger_cut_off_together_with_its_head_is_caught_by_its_checkpoint(filled: Filled) -> None:
    filled.harm("DELETE FROM entries WHERE position > (SELECT max(position) - 3 FROM entries)")
    filled.harm("UPDATE head SET size = size - 3")
    assert "missing" in {f.what for f in verified(filled).findings}


@pytest.mark.parametrize("harm", ["sealed = sealed || '\\x00'::bytea", "sealed = NULL"])
def test_a_changed_body_is_named_with_the_entry_that_points_to_it(filled: Filled, harm: str) -> None:
    position, raw = a_referral(filled)
    key = next(r["key_id"] for r in orjson.loads(raw)["bodies"] if r["class"] == "identity")
    filled.harm(f"UPDATE bodies SET {harm} WHERE key_id = %s AND cls = 'identity'", key)  # noqa: S608 - a test's words
    found = verified(filled).findings
    assert ("body", position) in {(f.what, f.position) for f in found}
    assert all(f.persons for f in found)


def test_changed_raw_evidence_is_named_with_the_entry_that_vouches_for_it(filled: Filled) -> None:
    position, _ = a_referral(filled)
    raw = "(SELECT raw_key FROM messages WHERE position = %s AND verdict <> 'seen')"
    filled.harm(f"UPDATE bodies SET sealed = sealed || 'x' WHERE cls = 'raw' AND key_id = {raw}", position)  # noqa: S608
    assert [(f.what, f.position) for f in verified(filled).findings] == [("body", position)]


def test_a_body_taken_away_is_damage_and_a_destroyed_key_is_not(filled: Filled) -> None:
    filled.harm("UPDATE bodies SET wrapped = NULL, sealed = NULL WHERE cls = 'identity' AND key_id::text < '8'")
    found = verified(filled)
    assert found.holds
    assert found.erased > 10
    filled.harm("DELETE FROM bodies WHERE cls = 'identity' AND key_id::text < '8'")
    assert {f.what for f in verified(filled).findings} == {"body"}


def test_a_checkpoint_of_another_key_is_named(filled: Filled) -> None:
    found = verified(filled, SigningKey(ORIGIN, b"t" * 32))
    assert [f.what for f in found.findings] == ["checkpoint"] * 3


def test_a_verdict_taken_away_or_given_without_a_message_is_named(filled: Filled) -> None:
    position, _ = a_referral(filled)
    filled.harm("DELETE FROM messages WHERE position = %s", position)
    (finding,) = verified(filled).findings
    assert (finding.what, finding.position) == ("verdict", position)
    filled.harm("UPDATE partitions SET next_offset = next_offset - 1 WHERE topic = 'hub.in.lh'")  # the last one alone
    assert "place" in {f.what for f in verified(filled).findings}
    filled.harm("UPDATE partitions SET next_offset = 5 WHERE topic = 'hub.in.lh'")
    assert "place" in {f.what for f in verified(filled).findings}


def test_columns_beside_an_entry_cannot_tell_another_story(filled: Filled) -> None:
    position, _ = a_referral(filled)
    filled.harm("UPDATE entries SET kind = 'access.recorded' WHERE position = %s", position)
    (finding,) = verified(filled).findings
    assert (finding.what, finding.position) == ("misfiled", position)
