"""Training: samples, splits, losses, the loop and its log."""
