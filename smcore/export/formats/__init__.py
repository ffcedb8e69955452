"""Formats of exported data, one file each: ``TITLE``, ``ENDING``, ``LAYOUTS``, ``sample``, ``write`` and ``verify``.

``write(source, draft, progress, cancelled)`` writes block by block; ``verify`` with the same arguments opens what was
written and holds every value against the source; ``sample(source, block)`` says how many bytes a block takes.
"""
