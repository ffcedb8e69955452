"""The review of a run, station by station: what a reviewer decided, when, and what follows from it."""
