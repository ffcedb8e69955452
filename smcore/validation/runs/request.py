"""A run as asked for, in plain values: from it any process makes the same plan.

Its text goes to workers, and names the files that finished parts are kept in.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from smcore import __version__, plain
from smcore.catalog import Catalog, CatalogEntry
from smcore.errors import MatchError
from smcore.validation.runs.plan import Part, Plan, RunOptions, Task, make_plan

_LIBRARIES = ("numba", "numpy", "scipy", "pandas", "xarray")
_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Request:
    """What a plan is made of; ``fingerprints`` are those of the data, so that workers who see others refuse.

    ``entries`` are all of the catalogue that are data: masks and strata look further ones up.
    """

    products: tuple[str, ...]
    reference: str
    entries: tuple[CatalogEntry, ...]
    options: RunOptions
    fingerprints: dict[str, str]

    @staticmethod
    def of(products: Sequence[str], reference: str, catalog: Catalog, options: RunOptions, plan: Plan) -> Request:
        """Describe a run whose plan has been made here."""
        entries = tuple(entry for entry in catalog if entry.layout != "model")
        return Request(tuple(products), reference, entries, options, dict(plan.fingerprints))

    @property
    def text(self) -> str:
        """All of it, for other processes."""
        return plain.to_text(self)

    @property
    def key(self) -> str:
        """Hash of the request, the data, and what computes: equal keys have equal parts."""
        manifests = {entry.id: _hash_of(entry) for entry in self.entries}
        versions = {name: importlib.metadata.version(name) for name in _LIBRARIES}
        return _sha([self.text, plain.to_text([__version__, versions, manifests])])

    def plan(self) -> Plan:
        """Make the plan.

        Raises
        ------
        MatchError
            If the data are not those that the request was made for.
        SmcoreError
            If they can't be opened.
        """
        plan = make_plan(self.products, self.reference, Catalog(self.entries), self.options)
        for name, fingerprint in self.fingerprints.items():
            if plan.fingerprints[name] != fingerprint:
                raise MatchError(
                    f"A worker sees other data than the rest of the run: {name} has another fingerprint",
                    hint="all workers need the same stores",
                )
        return plan


class _Planned:
    """The plan of the request that this process works on, made once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._text = ""
        self._found: tuple[Plan, list[Task]] | None = None

    def of(self, text: str) -> tuple[Plan, list[Task]]:
        with self._lock:
            if self._found is None or self._text != text:
                self._found = None  # the memory of the last one first
                request = plain.from_text(text)
                plan = request.plan()
                self._found, self._text = (plan, plan.tasks()), text
            return self._found


_PLANNED = _Planned()


def work_on(text: str, number: int) -> Part:
    """Do one task of a request, in whatever process this is."""
    plan, tasks = _PLANNED.of(text)
    return plan.work(tasks[number])


def _hash_of(entry: CatalogEntry) -> str:
    """Hash of the record that says what is in a store."""
    try:
        content = (entry.location / _MANIFEST).read_bytes()
    except OSError:
        return ""
    return hashlib.sha256(content).hexdigest()


def _sha(texts: Sequence[Any]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
