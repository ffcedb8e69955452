"""The one bench: every system and every baseline of its paper under one protocol (``python -m benchmarks.systems``)."""
