"""The evidence on k, and the choice."""
