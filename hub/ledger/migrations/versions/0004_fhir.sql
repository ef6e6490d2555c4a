-- Tables as hub/ledger/tables.py describes them; a test compares the two.
CREATE TABLE fhir_resources (
    agency VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    id VARCHAR NOT NULL,
    at VARCHAR NOT NULL,
    expires VARCHAR NOT NULL,
    names BYTEA[] NOT NULL,
    number_key BYTEA,
    message VARCHAR NOT NULL,
    wrapped BYTEA,
    sealed BYTEA,
    PRIMARY KEY (agency, kind, id)
);
CREATE INDEX fhir_resources_names ON fhir_resources USING gin (names);
CREATE INDEX fhir_resources_expires ON fhir_resources (expires) WHERE wrapped IS NOT NULL;
-- No entry points here: what expires is removed, unlike anything of the ledger.
GRANT SELECT, INSERT, UPDATE, DELETE ON fhir_resources TO hub_app;
