"""Models, the data and windows that fit them, and predictions, as the page asks for them."""
