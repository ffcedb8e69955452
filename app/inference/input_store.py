"""What is there of each input of the chosen model in the chosen window: read off the server's thread, kept a while."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.inference.model_choice import Choice
from app.inference.prediction import Preview
from app.page.cache import BoundedCache
from smcore.input_coverage import Coverage, InputCoverage, input_coverage
from smcore.progress import Cancel, Progress
from smcore.roles import as_seen, open_sources
from smcore.window import Window

if TYPE_CHECKING:
    from app.store import Store

ALL = "all"
_LOOKED = BoundedCache(16)


class InputStore:
    """The looks of one session."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def known(self, choice: Choice, request: Mapping[str, Any]) -> Coverage | None:
        """What a look at the same request found before; None where nobody has looked."""
        found: Coverage | None = _LOOKED.peek(self.key(choice, request))
        return found

    def look(self, choice: Choice, request: Mapping[str, Any], progress: Progress, cancelled: Cancel) -> Coverage:
        """Look at every input of a request for a prediction.

        Raises
        ------
        SmcoreError
            If the window misses the data, a store can't be read, or the look is stopped.
        """
        key = self.key(choice, request)  # before anything is read: what changes meanwhile is looked at again
        pairs = [(str(role), str(entry_id)) for role, entry_id in request["data"]]
        sources = open_sources(self._store.catalog, pairs)
        if choice.sees_target:
            sources = as_seen(sources, quality=str(request["quality"]))
        found = input_coverage(
            choice.inputs, choice.step, sources, Window(**request["window"]), area=request.get("area", ()),
            progress=progress, cancelled=cancelled,
        )  # fmt: skip
        _LOOKED.put(key, found)
        return found

    def key(self, choice: Choice, request: Mapping[str, Any]) -> tuple[object, ...]:
        """What a look depends on: the model's inputs, the data as they are on disk now, window, polygon and rules."""
        used = [self._store.catalog.get(str(entry_id)) for _, entry_id in request["data"]]
        versions = tuple((str(entry.location), self._store.version(entry)) for entry in used)
        asked = {name: request.get(name) for name in ("data", "window", "quality", "area")}
        return choice.id, choice.inputs, choice.step, versions, json.dumps(asked, sort_keys=True)


def share_of(found: Coverage, chosen: str) -> Preview | None:
    """The share of an input, or of ``all``, as the map draws it; None for pixels, or where there is no such input."""
    one: InputCoverage | None = next((i for i in found.inputs if i.input.name == chosen), None)
    if found.grid is None or (one is None and chosen != ALL):
        return None
    return Preview(found.grid, found.time[:1], (one.share if one is not None else found.complete)[None])
