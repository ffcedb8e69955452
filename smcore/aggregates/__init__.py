"""A product over a range of days instead of at one step: mean, extremes, percentile, anomaly, share of valid days.

Maps are read step by step, block by block, so that memory does not grow with the area. They may be overviews: then a
cell is the mean of the cells below it at each step, and what is computed of it is of those means.

Missing values. A step counts in a cell where it has a value; gaps are left out and never filled. A day is valid where
at least one of its steps has a value; the share of valid days is that of *all* days of the range, also of those without
a step. A cell whose share is below the least that is asked for has no value. Sums are float64.
"""
