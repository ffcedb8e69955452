"""A view as a small file: the link's query with a mark, so that it opens on any server with the same entries."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from app import url
from app.page.language import tr
from app.selection import Selection
from smcore.errors import SmcoreError

MARK, VERSION = "loam view", 1
MOST_BYTES = 20_000
FILE = "loam-view.json"


def dump(query: str) -> bytes:
    """A link's query as a file."""
    record = {MARK: VERSION, "query": query, "saved": datetime.now(UTC).isoformat(timespec="seconds")}
    return (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode()


def load(content: bytes) -> dict[str, Any]:
    """Values for a whole :class:`Selection` from such a file: what it does not name takes its default.

    Raises
    ------
    SmcoreError
        If it is no view, or one of a newer version of Loam.
    """
    if len(content) > MOST_BYTES:
        raise SmcoreError(
            tr(
                "A saved view has {most} kB at most, and this file {size} kB",
                most=MOST_BYTES // 1000,
                size=len(content) // 1000,
            )
        )
    try:
        record = json.loads(content.decode("utf-8"))
        version, query = record[MARK], record["query"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SmcoreError(tr("This file is no saved view"), hint=tr("take one that Save view has written")) from None
    if version != VERSION or not isinstance(query, str):
        raise SmcoreError(
            tr(
                "This view was saved in version {version!r} of its form, and {known} is known here",
                version=version,
                known=VERSION,
            ),
            hint=tr("open it in the version of Loam that wrote it"),
        )
    values = url.read(dict(parse_qsl(query.removeprefix("?"))))
    kept = {"language"}  # a view in which none was chosen opens in that of the page
    return {name: Selection.param[name].default for name in url.names() if name not in kept} | values
