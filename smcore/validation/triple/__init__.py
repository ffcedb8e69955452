"""Triple and extended collocation: errors without a truth."""
