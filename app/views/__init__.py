"""The views: each draws from the store and sets the selection; none computes."""
