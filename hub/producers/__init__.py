"""What leaves the hub on its own: the relay, webhooks, and signed checkpoints."""
