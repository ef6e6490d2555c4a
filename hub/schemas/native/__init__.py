"""The wire models of each native format, as agencies really send it. Owns shapes and bounds, never meaning."""
