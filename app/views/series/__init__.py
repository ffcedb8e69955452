"""Views of the series drawer."""
