"""One file, one rule: ``TITLE``, ``SOURCE``, ``lacking`` and ``find`` (see :mod:`smcore.review.suspicion.base`)."""
