"""Customer segments from a table: prepare, sweep k-means over a range of k, choose, label, publish."""

__version__ = "0.1.0"
