"""Cubes and pixel sets: readers, data-model check, quality rules, prepared store."""
