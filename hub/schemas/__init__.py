"""The wire: everything that crosses the hub's border, and nothing that decides."""
