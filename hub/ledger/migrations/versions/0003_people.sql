-- Tables as hub/ledger/tables.py describes them; a test compares the two.
CREATE INDEX entries_people ON entries (position)
    WHERE kind IN ('person.merged', 'person.split', 'identity.decided');
CREATE INDEX reviews_other ON reviews (other);
