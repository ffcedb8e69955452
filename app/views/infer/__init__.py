"""Views of models and predictions."""
