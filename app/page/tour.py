"""The tour: five places of the page, each with what it is for. The page's own script walks through them."""

from __future__ import annotations

import json

from app.page.language import mark, tr

_LAYERS = mark(
    "Choose the product on the map, its colours and range, and which retrievals count. What was made up says "
    "synthetic, here and in every file."
)
_TIME = mark(
    "← and → move a step, with shift a month; space plays. The strip under the slider shows how full each step "
    "is. Times are UTC."
)
_MAP = mark(
    "Click on a place: the inspector shows every product's value there, and the drawer below their series with "
    "the stations in the cell. The corner's menu shows several products at once."
)
_INFER = mark(
    "Draw a box, choose one of five published systems or a baseline, see what it needs and what it costs, and "
    "run it. Tiles appear as they finish, and the result is a layer."
)
_JUDGE = mark(
    "Score products against stations, with intervals; days and places that a model was trained on are left out. "
    "Then look at the stations one by one."
)

STEPS: tuple[tuple[str, str, str], ...] = (
    (".of-layers", mark("Layers"), _LAYERS),
    (".time", mark("Time"), _TIME),
    (".maps", mark("Map"), _MAP),
    (".places", mark("Infer"), _INFER),
    (".places", mark("Validate and Stations"), _JUDGE),
)
"""(where on the page, title, text)."""


def as_json() -> str:
    """The steps for a script element: nothing in it can end the element."""
    steps = [{"at": at, "title": tr(title), "text": tr(text)} for at, title, text in STEPS]
    return json.dumps(steps, ensure_ascii=False).replace("<", "\\u003c")
