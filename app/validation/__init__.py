"""Validation runs and the pairs at stations, as the page asks for them."""
