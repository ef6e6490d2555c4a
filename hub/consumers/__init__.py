"""FastStream subscribers, all made by one factory: raw bytes in batches, offsets in PostgreSQL."""
