"""Views of validation runs and of the pairs at stations."""
