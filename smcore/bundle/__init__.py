"""A run with everything that belongs to it in one folder: to publish, to check, to open on another machine."""
