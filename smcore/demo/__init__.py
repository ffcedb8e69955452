"""The demo world: a synthetic world with known truth."""
