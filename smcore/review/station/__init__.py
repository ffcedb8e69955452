"""Facts about a station beside its metrics: events, surroundings, history, pairs, cells."""
