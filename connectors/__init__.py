"""Connectors: how agencies join. One module per way in; they know the wire and nothing else of the hub."""
