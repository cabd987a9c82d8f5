"""Exact sums, quantiles, cardinality: arithmetic that knows nothing of customers."""
