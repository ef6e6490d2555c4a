-- Tables as hub/ledger/tables.py describes them; a test compares the two.
ALTER TABLE records ADD COLUMN judged BYTEA;
CREATE TABLE reviews (
    id UUID NOT NULL,
    record UUID NOT NULL,
    other UUID NOT NULL,
    rank INTEGER NOT NULL,
    human BOOLEAN NOT NULL,
    guard VARCHAR NOT NULL,
    consequences VARCHAR NOT NULL,
    heard VARCHAR NOT NULL,
    decided VARCHAR NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX reviews_open ON reviews (rank DESC, id) WHERE decided = '';
CREATE INDEX reviews_record ON reviews (record);
GRANT SELECT, INSERT, UPDATE ON reviews TO hub_app;
