"""The door over HTTP: REST, SSE, the log's tiles. Changes go out as messages; nothing here decides or writes."""
