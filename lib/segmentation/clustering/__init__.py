"""k-means over a range of k: coreset, sweep, Lloyd's algorithm, ties."""
