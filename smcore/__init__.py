"""Loam's library: soil-moisture cubes, stations, models, validation and figures, without any user interface."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("loam")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0.0.0+source"
