"""k-means over a range of k, and the model it freezes."""
