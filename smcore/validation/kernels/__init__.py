"""Compiled loops over pairs; each is called through the plain function of its name one package up.

Only modules of this package import numba, and they are imported inside the functions that need them, so that reading
a record or a table costs no compiler. Arrays come in checked: contiguous, of one shape, float32 or float64. Loops run
in parallel over blocks of locations and never within one, so that no result depends on the number of threads. Every
parallel loop is wrapped by :func:`smcore.validation.kernels.alone.alone`: not all of numba's thread layers bear two at
once.
"""
