"""The dashboard and the command line over :mod:`smcore`."""
