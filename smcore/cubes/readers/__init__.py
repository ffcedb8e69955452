"""One file per kind of gridded source; see ``CONTRIBUTING.md`` for the contract."""
