"""In-situ stations: the collection and its readers."""
