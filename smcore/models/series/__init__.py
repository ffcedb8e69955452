"""What a location's own series of observations tells: its features, and its neighbours around a gap."""
