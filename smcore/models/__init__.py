"""One model, one file: networks and baselines over arrays."""
