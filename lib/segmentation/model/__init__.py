"""The fitted model as data, and its renderings."""
