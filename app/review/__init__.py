"""What follows from the selection for the review of a run."""
