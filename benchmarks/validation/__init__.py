"""The groups of rows of ``bench_validation.py``: each a function that returns lines of the table."""
