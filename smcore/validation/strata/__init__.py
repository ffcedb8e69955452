"""Parts of the locations and of the pairs that are scored apart."""
