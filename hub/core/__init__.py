"""Every decision the hub makes, pure: no clock, no chance, no I/O. State changes only through `apply`."""
