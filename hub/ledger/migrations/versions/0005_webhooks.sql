-- Tables as hub/ledger/tables.py describes them; a test compares the two.
CREATE TABLE webhooks (
    id VARCHAR NOT NULL,
    agency VARCHAR NOT NULL,
    url VARCHAR NOT NULL,
    kinds VARCHAR[] NOT NULL,
    position BIGINT NOT NULL,
    state VARCHAR NOT NULL,
    why VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    due VARCHAR NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE webhook_log (
    id BIGSERIAL NOT NULL,
    endpoint VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    attempt INTEGER NOT NULL,
    at VARCHAR NOT NULL,
    status INTEGER NOT NULL,
    ms INTEGER NOT NULL,
    outcome VARCHAR NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX webhook_log_endpoint ON webhook_log (endpoint, id);
ALTER TABLE accounts ADD COLUMN rate FLOAT;
-- No entry points here: what is removed was configuration, and a log of attempts.
GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks, webhook_log TO hub_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO hub_app;
