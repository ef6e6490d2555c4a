-- Tables as hub/ledger/tables_directory.py describes them; a test compares the two.
CREATE TABLE listings (
    id UUID NOT NULL,
    agency VARCHAR NOT NULL,
    content VARCHAR NOT NULL,
    modified VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    heard VARCHAR NOT NULL,
    audience VARCHAR[] NOT NULL,
    doc BYTEA NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX listings_position ON listings (position);
-- A projection, rebuilt from entries: a newer version takes the place of the one before.
GRANT SELECT, INSERT, UPDATE ON listings TO hub_app;
