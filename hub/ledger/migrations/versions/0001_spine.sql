-- Tables as hub/ledger/tables.py describes them; a test compares the two.
CREATE TABLE accounts (
    agency VARCHAR NOT NULL,
    token_hash BYTEA NOT NULL,
    active BOOLEAN NOT NULL,
    PRIMARY KEY (agency)
);
CREATE UNIQUE INDEX accounts_token ON accounts (token_hash);
CREATE TABLE agencies (
    code VARCHAR NOT NULL,
    doc JSONB NOT NULL,
    PRIMARY KEY (code)
);
CREATE TABLE aliases (
    person UUID NOT NULL,
    "into" UUID NOT NULL,
    PRIMARY KEY (person)
);
CREATE TABLE blocking (
    key BIGINT NOT NULL,
    record UUID NOT NULL,
    PRIMARY KEY (key, record)
);
CREATE TABLE bodies (
    key_id UUID NOT NULL,
    cls VARCHAR NOT NULL,
    wrapped BYTEA,
    sealed BYTEA,
    PRIMARY KEY (key_id, cls)
);
CREATE TABLE cases (
    id UUID NOT NULL,
    seq INTEGER NOT NULL,
    doc BYTEA NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE checkpoints (
    size BIGINT NOT NULL,
    root BYTEA NOT NULL,
    note VARCHAR NOT NULL,
    frontier BYTEA NOT NULL,
    PRIMARY KEY (size)
);
CREATE TABLE continuations (
    id SERIAL NOT NULL,
    message BYTEA NOT NULL,
    heard VARCHAR NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE cursors (
    name VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    lease BIGINT NOT NULL,
    PRIMARY KEY (name)
);
CREATE TABLE entries (
    position BIGINT NOT NULL,
    cause BYTEA NOT NULL,
    ordinal SMALLINT NOT NULL,
    case_id UUID,
    kind VARCHAR NOT NULL,
    leaf BYTEA NOT NULL,
    entry BYTEA NOT NULL,
    PRIMARY KEY (position)
);
CREATE INDEX entries_case ON entries (case_id, position) WHERE case_id IS NOT NULL;
CREATE UNIQUE INDEX entries_cause ON entries (cause, ordinal);
CREATE INDEX entries_registrations ON entries (position) WHERE kind = 'agency.registered';
CREATE TABLE head (
    id SERIAL NOT NULL,
    size BIGINT NOT NULL,
    frontier BYTEA NOT NULL,
    heard VARCHAR NOT NULL,
    epoch VARCHAR NOT NULL,
    origin VARCHAR NOT NULL,
    directory_version INTEGER NOT NULL,
    refusals JSONB NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE messages (
    partition_id INTEGER NOT NULL,
    record_offset BIGINT NOT NULL,
    cause BYTEA NOT NULL,
    verdict VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    data_digest BYTEA NOT NULL,
    raw_key UUID NOT NULL,
    heard VARCHAR NOT NULL,
    PRIMARY KEY (partition_id, record_offset)
);
CREATE UNIQUE INDEX messages_first ON messages (cause) WHERE verdict <> 'seen';
CREATE INDEX messages_position ON messages (position) WHERE position > 0 AND verdict <> 'seen';
CREATE TABLE partitions (
    id SERIAL NOT NULL,
    cluster VARCHAR NOT NULL,
    topic_id VARCHAR NOT NULL,
    topic VARCHAR NOT NULL,
    partition INTEGER NOT NULL,
    epoch BIGINT DEFAULT 0 NOT NULL,
    next_offset BIGINT DEFAULT 0 NOT NULL,
    moved_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX partitions_place ON partitions (cluster, topic_id, partition);
CREATE TABLE records (
    id UUID NOT NULL,
    component UUID NOT NULL,
    person UUID NOT NULL,
    case_id UUID NOT NULL,
    unit BIGINT,
    at VARCHAR NOT NULL,
    seq BIGINT NOT NULL,
    wrapped BYTEA,
    features BYTEA,
    edges BYTEA,
    PRIMARY KEY (id)
);
CREATE INDEX records_component ON records (component);
CREATE INDEX records_person ON records (person);
CREATE TABLE referrals (
    id UUID NOT NULL,
    case_id UUID NOT NULL,
    agency VARCHAR NOT NULL,
    number_key BYTEA NOT NULL,
    receiver VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    due VARCHAR NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX referrals_due ON referrals (due, id) WHERE state = 'offered';
CREATE INDEX referrals_number ON referrals (number_key);
CREATE INDEX referrals_receiver ON referrals (receiver, state);
CREATE TABLE units (
    key BIGINT NOT NULL,
    case_id UUID NOT NULL,
    PRIMARY KEY (key)
);

-- The blocking table is read by key only and grows fastest: keep its pages loose for random inserts.
ALTER TABLE cases SET (fillfactor = 80);
ALTER TABLE records SET (fillfactor = 85);
ALTER TABLE referrals SET (fillfactor = 85);

DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'hub_app') THEN CREATE ROLE hub_app NOLOGIN; END IF;
END $$;
-- A login that is no superuser may take the role only as its member.
GRANT hub_app TO CURRENT_USER;
GRANT SELECT, INSERT ON entries, messages, checkpoints TO hub_app;
GRANT SELECT, INSERT, UPDATE ON partitions, head, records, units, cases, referrals, agencies, aliases, continuations,
  cursors, accounts TO hub_app;
GRANT SELECT, INSERT ON bodies, blocking TO hub_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO hub_app;
