"""Models that turn a window of maps into the map of its last step."""
