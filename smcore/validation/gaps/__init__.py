"""The gap test: hide, refill, score what was hidden."""
