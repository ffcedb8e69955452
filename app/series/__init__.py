"""What follows from the selection for the series of a place or an area."""
