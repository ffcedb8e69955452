"""Views of the Figures place."""
