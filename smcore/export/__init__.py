"""Data out: a window of a product as a file that other software reads, complete and compared with its source."""
