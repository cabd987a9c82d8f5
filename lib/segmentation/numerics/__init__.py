"""Exact sums, quantiles, nearest centres, cardinality: arithmetic on numbers alone."""
