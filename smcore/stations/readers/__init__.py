"""One file per kind of station archive; see ``CONTRIBUTING.md`` for the contract."""
