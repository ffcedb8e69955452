"""Models of feature vectors: one row a sample."""
