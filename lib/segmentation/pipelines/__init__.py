"""The stories, one per file, and what only stories need."""
