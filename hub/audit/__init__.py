"""Programs for people who check the hub rather than use it."""
