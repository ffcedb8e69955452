"""Validation: pairs, metrics, tables."""
