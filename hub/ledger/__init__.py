"""PostgreSQL, alone: tables, the one transaction, named SQL, cursors, the vault. Nothing else in the hub speaks SQL."""
