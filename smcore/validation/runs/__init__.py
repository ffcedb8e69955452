"""A whole run: what is asked, planned, worked off, written, opened again."""
