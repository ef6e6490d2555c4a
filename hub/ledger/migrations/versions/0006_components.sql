-- Tables as hub/ledger/tables.py describes them; a test compares the two.
-- A component is called after its first record, found by its own id: only the others are looked up by component.
CREATE INDEX records_others ON records (component) WHERE component <> id;
DROP INDEX records_component;
