"""Customer segments from a table: prepare, sweep k-means over k, choose, label, publish."""

__version__ = "0.1.0"
