"""The tour: five places of the page, each with what it is for. The page's own script walks through them."""

from __future__ import annotations

import json

_LAYERS = """Choose the product on the map, its colours and range, and which retrievals count. What was made up says
synthetic, here and in every file."""
_TIME = """← and → move a step, with shift a month; space plays. The strip under the slider shows how full each step
is. Times are UTC."""
_MAP = """Click on a place: the inspector shows every product's value there, and the drawer below their series with
the stations in the cell. The corner's menu shows several products at once."""
_INFER = """Draw a box, choose one of five published systems or a baseline, see what it needs and what it costs, and
run it. Tiles appear as they finish, and the result is a layer."""
_JUDGE = """Score products against stations, with intervals; days and places that a model was trained on are left out.
Then look at the stations one by one."""

STEPS: tuple[tuple[str, str, str], ...] = (
    (".of-layers", "Layers", _LAYERS),
    (".time", "Time", _TIME),
    (".maps", "Map", _MAP),
    (".places", "Infer", _INFER),
    (".places", "Validate and Stations", _JUDGE),
)
"""(where on the page, title, text)."""


def as_json() -> str:
    """The steps for a script element: nothing in it can end the element."""
    steps = [{"at": at, "title": title, "text": " ".join(text.split())} for at, title, text in STEPS]
    return json.dumps(steps, ensure_ascii=False).replace("<", "\\u003c")
