"""Named statements, each with its reason. Portable from PostgreSQL 15 to 18."""

# ruff: noqa: S608 - what is put into a statement here is another constant of this module
from __future__ import annotations

from hub.ledger.copyrows import Table

# ---- every statement of the hot path finds its rows by key. Before the first ANALYZE the planner takes the tables
# for empty and scans them: a run fell from 2,300 to 300 messages/s until statistics came.
BY_INDEX = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off"

# ---- cursors: the row lock makes a claim wait for a zombie's open transaction
CLAIM = """
INSERT INTO partitions (cluster, topic_id, topic, partition, epoch, next_offset)
VALUES (%s, %s, %s, %s, 1, 0)
ON CONFLICT (cluster, topic_id, partition) DO UPDATE SET epoch = partitions.epoch + 1
RETURNING id, epoch, next_offset
"""
TOPIC_IDS = "SELECT DISTINCT topic_id FROM partitions WHERE cluster = %s AND topic = %s"
# Compare-and-set on epoch and remembered offset, never on the first offset of the batch: offsets have gaps.
# Rows are locked in the order of their ids; one that waited for another's transaction is judged again after it.
MOVE = """
WITH move AS (
  SELECT * FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::bigint[]) AS m(id, epoch, remembered, next)
), mine AS (
  SELECT p.id, m.next FROM partitions p JOIN move m ON m.id = p.id
  WHERE p.epoch = m.epoch AND p.next_offset = m.remembered
  ORDER BY p.id FOR UPDATE OF p
)
UPDATE partitions SET next_offset = mine.next, moved_at = now() FROM mine WHERE partitions.id = mine.id
"""
CORRECT_MOVE = "UPDATE partitions SET next_offset = %s WHERE id = %s"
EPOCHS = "SELECT topic, partition, epoch, next_offset FROM partitions WHERE cluster = %s"
OFFSETS = "SELECT topic, partition, next_offset FROM partitions WHERE cluster = %s"

# ---- the head: locked as a statement of its own; locking and reading in one would read an old snapshot
LOCK_HEAD = "SELECT 1 FROM head WHERE id = 1 FOR UPDATE"
READ_HEAD = "SELECT size, frontier, heard, directory_version, refusals FROM head WHERE id = 1"
RAISE_HEAD = """
UPDATE head SET size = %s, frontier = %s, heard = %s, directory_version = %s, refusals = %s WHERE id = 1
"""

# ---- gather
SEEN = """
SELECT cause, data_digest, verdict, position FROM messages WHERE cause = ANY(%s::bytea[]) AND verdict <> 'seen'
"""
# A component is called after its oldest record, and most have no other: the index of components holds only the others.
_RECORD = """
  r.id::text, r.component::text, r.person::text, r.case_id::text, r.unit, r.at, r.seq, r.wrapped, r.features, r.edges,
  r.judged
"""
_WHOLE = f"""
SELECT {_RECORD} FROM hit JOIN records r ON r.id = hit.component
UNION ALL SELECT {_RECORD} FROM hit JOIN records r ON r.component = hit.component AND r.component <> r.id
"""
# One candidate query a batch. A key with more than 200 members is generic: 201 rows prove it, no more are read.
# The rows found by key are answers already; of their components only what those rows are not is looked for.
# A row may come twice.
RECORDS = f"""
WITH found AS MATERIALIZED (
  SELECT r.* FROM (
    SELECT DISTINCT b.record
    FROM unnest(%s::bigint[]) AS q(key)
    CROSS JOIN LATERAL (SELECT b.record FROM blocking b WHERE b.key = q.key LIMIT 201) AS b
  ) AS b
  JOIN records r ON r.id = b.record
)
SELECT {_RECORD} FROM found r
UNION ALL
SELECT {_RECORD} FROM (SELECT DISTINCT component FROM found) AS hit
JOIN records r ON r.component = hit.component AND r.component <> r.id
UNION ALL
SELECT {_RECORD} FROM (SELECT DISTINCT component FROM found WHERE component <> id) AS hit
JOIN records r ON r.id = hit.component
"""
NUMBERS = "SELECT id::text, case_id::text, number_key FROM referrals WHERE number_key = ANY(%s::bytea[])"
REFERRALS = "SELECT id::text, case_id::text FROM referrals WHERE id = ANY(%s::uuid[])"
DUE = """
SELECT id::text, case_id::text FROM referrals WHERE state = 'offered' AND due <> '' AND due <= %s
ORDER BY due, id LIMIT %s
"""
CASES = "SELECT id::text, seq, doc FROM cases WHERE id = ANY(%s::uuid[])"
AT_UNITS = """
SELECT u.key, c.id::text, c.seq, c.doc FROM units u JOIN cases c ON c.id = u.case_id WHERE u.key = ANY(%s::bigint[])
"""
CASE_RECORDS = f"""
WITH hit AS (SELECT DISTINCT component FROM records WHERE case_id = ANY(%s::uuid[])) {_WHOLE}
"""
# What a worker's decision is about: persons by any id they ever had, and a review with both its sides.
LIVING = 'SELECT person::text, "into"::text FROM aliases WHERE person = ANY(%s::uuid[])'
REVIEWS = """
SELECT id::text, record::text, other::text, rank, human, guard, consequences, heard, decided FROM reviews
WHERE id = ANY(%s::uuid[])
"""
OF_PERSONS = f"""
WITH hit AS (SELECT DISTINCT component FROM records WHERE person = ANY(%s::uuid[]) OR id = ANY(%s::uuid[])) {_WHOLE}
"""
# A key that was retired: the records that had it then, and which of their other keys say nothing either.
OF_KEY = f"""
WITH hit AS (
  SELECT DISTINCT r.component FROM blocking b JOIN records r ON r.id = b.record WHERE b.key = %s AND r.seq <= %s
) {_WHOLE}
"""
GENERIC = """
SELECT q.key FROM unnest(%s::bigint[]) AS q(key)
WHERE (SELECT count(*) FROM (SELECT 1 FROM blocking b WHERE b.key = q.key LIMIT 201) AS few) > 200
"""
LISTINGS = "SELECT id::text, agency, content, modified FROM listings WHERE id = ANY(%s::uuid[])"
ACTIVE = "SELECT code FROM agencies WHERE COALESCE(doc->>'state', 'active') = 'active'"
AGENCIES = "SELECT code, doc FROM agencies ORDER BY code"

# ---- write
BODIES = Table("bodies", {"key_id": "uuid", "cls": "text", "wrapped": "bytea", "sealed": "bytea"})
ENTRIES = Table(
    "entries",
    {
        "position": "int8", "cause": "bytea", "ordinal": "int2", "case_id": "uuid", "kind": "text", "leaf": "bytea",
        "entry": "bytea",
    },
)  # fmt: skip
MESSAGES = Table(
    "messages",
    {
        "partition_id": "int4", "record_offset": "int8", "cause": "bytea", "verdict": "text", "position": "int8",
        "data_digest": "bytea", "raw_key": "uuid", "heard": "text",
    },
)  # fmt: skip
RECORDS_TABLE = Table(
    "records",
    {
        "id": "uuid", "component": "uuid", "person": "uuid", "case_id": "uuid", "unit": "int8", "at": "text",
        "seq": "int8", "wrapped": "bytea", "features": "bytea", "edges": "bytea",
    },
)  # fmt: skip
BLOCKING = Table("blocking", {"key": "int8", "record": "uuid"})
UNITS_TABLE = Table("units", {"key": "int8", "case_id": "uuid"})
CASES_TABLE = Table("cases", {"id": "uuid", "seq": "int4", "doc": "bytea"})
REFERRALS_TABLE = Table(
    "referrals",
    {
        "id": "uuid", "case_id": "uuid", "agency": "text", "number_key": "bytea", "receiver": "text", "state": "text",
        "due": "text",
    },
)  # fmt: skip
UPDATE_CASES = """
UPDATE cases SET seq = q.seq, doc = q.doc
FROM unnest(%s::uuid[], %s::int[], %s::bytea[]) AS q(id, seq, doc) WHERE cases.id = q.id
"""
UPDATE_REFERRALS = """
UPDATE referrals SET case_id = q.case_id, receiver = q.receiver, state = q.state, due = q.due
FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[]) AS q(id, case_id, receiver, state, due)
WHERE referrals.id = q.id
"""
UPDATE_RECORDS = """
UPDATE records SET component = q.component, person = q.person, case_id = q.case_id
FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[]) AS q(id, component, person, case_id)
WHERE records.id = q.id
"""
PUT_AGENCY = "INSERT INTO agencies (code, doc) VALUES (%s, %s) ON CONFLICT (code) DO UPDATE SET doc = EXCLUDED.doc"
PUT_LISTING = """
INSERT INTO listings (id, agency, content, modified, position, heard, audience, doc)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET content = EXCLUDED.content, modified = EXCLUDED.modified,
  position = EXCLUDED.position, heard = EXCLUDED.heard, audience = EXCLUDED.audience, doc = EXCLUDED.doc
"""
PUT_ALIAS = """
INSERT INTO aliases (person, "into") VALUES (%s, %s) ON CONFLICT (person) DO UPDATE SET "into" = EXCLUDED."into"
"""
# A former id follows the record it was called after; most records never gave a person its name, so most change nothing.
MOVE_ALIASES = """
UPDATE aliases SET "into" = q."into" FROM unnest(%s::uuid[], %s::uuid[]) AS q(person, "into")
WHERE aliases.person = q.person
"""
UPDATE_JUDGED = """
UPDATE records SET judged = q.judged FROM unnest(%s::uuid[], %s::bytea[]) AS q(id, judged) WHERE records.id = q.id
"""
WRAPPED = "SELECT id::text, wrapped FROM records WHERE id = ANY(%s::uuid[])"
UPDATE_EDGES = """
UPDATE records SET edges = q.edges FROM unnest(%s::uuid[], %s::bytea[]) AS q(id, edges) WHERE records.id = q.id
"""
REVIEWS_TABLE = Table(
    "reviews",
    {
        "id": "uuid", "record": "uuid", "other": "uuid", "rank": "int4", "human": "bool", "guard": "text",
        "consequences": "text", "heard": "text", "decided": "text",
    },
)  # fmt: skip
DECIDE_REVIEWS = """
UPDATE reviews SET decided = q.decided FROM unnest(%s::uuid[], %s::text[]) AS q(id, decided) WHERE reviews.id = q.id
"""
ADD_CONTINUATION = "INSERT INTO continuations (message, heard) VALUES (%s, %s)"
# One writer appends them under the head lock, so their ids grow in commit order and the cursor misses none.
NEXT_CONTINUATION = "SELECT id, message, heard FROM continuations WHERE id >= %s ORDER BY id LIMIT 1"

# ---- whoever waits for the head or a partition row ends its blocker: a worker stopped mid-COPY blocks all others
# Not who only stands before us in the queue: that one waits as well.
END_BLOCKERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid = ANY(pg_blocking_pids(%s)) AND wait_event_type IS DISTINCT FROM 'Lock'
"""
