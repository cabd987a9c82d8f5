"""Which k, and why."""
