"""Kinds of figures: one file, one kind; its name is the kind's (``metric_map.py`` is ``metric-map``).

A file defines:

``TITLE``, ``ABOUT``
    What it is called, and one sentence on what it shows.
``TAKES``
    Sources that it reads itself, of ``catalogue`` and ``run``; files and embedded columns every kind takes.
``OPTIONS``
    What can be set: name → :class:`~smcore.figures.fields.Field`.
``read(source, options, places) -> Data``
    The arrays, from a checked source.
``height(data, options, width, look, projection) -> float``
    How high it wants to be at a width [inch].
``draw(panel, data, options) -> None``
    The picture, from the arrays alone: no file, no clock, no chance.
``sentences(data, options) -> tuple[str, ...]``
    What can be read off the data, for caption and alternative text.

Nothing else names a kind.
"""
