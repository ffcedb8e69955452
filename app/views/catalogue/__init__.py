"""Views of the catalogue, and of data that are added to it."""
