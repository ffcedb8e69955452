"""Compiled loops of the models; importing one of them loads numba, so they are imported inside functions."""
