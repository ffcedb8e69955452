"""The readout under the pointer is of the picture on top: the code of the browser is run as it is, on our frames."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bokeh.events import MouseMove
from bokeh.models import CustomJS
from tiny import Tiny

from app.inference.prediction import Preview
from app.page.controls import ASSETS
from app.session import Session
from smcore.maps import mercator_x, mercator_y

RUN = """
const said = {}, given = JSON.parse(process.argv[1]);
globalThis.window = {}, globalThis.tr = (text) => text, globalThis.document = { getElementById: () => said };
const names = Object.keys(given.args);
new Function("cb_obj", ...names, given.code)(given.pointer, ...names.map((name) => given.args[name]));
console.log(said.textContent);
"""


def plain(model: Any) -> dict[str, Any]:
    if not hasattr(model, "data"):
        return {"visible": model.visible}
    listed = {name: [v.tolist() if hasattr(v, "tolist") else v for v in values] for name, values in model.data.items()}
    return {"id": model.id, "data": listed}


def readout(session: Session, lat: float, lon: float) -> str:
    node = shutil.which("node")
    if node is None:
        pytest.skip("runs the code of the browser")
    (read,) = (one for one in session.map.figure.js_event_callbacks[MouseMove.event_name] if isinstance(one, CustomJS))
    assert read.code == (ASSETS / "hover.js").read_text(encoding="utf-8")
    given = {
        "args": {name: plain(model) for name, model in read.args.items()}, "code": read.code,
        "pointer": {"sx": 1, "x": float(mercator_x([lon])[0]), "y": float(mercator_y([lat])[0])},
    }  # fmt: skip
    done = subprocess.run([node, "-e", RUN, json.dumps(given)], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip().split("E   " if lon >= 0 else "W   ")[-1]


def test_over_the_map_of_shares_it_reads_shares_and_beside_it_the_layer(
    open_tab: Callable[..., Session], tiny: Tiny
) -> None:
    session = open_tab(product="fine")
    session.map._size = (60, 40)
    session.map.draw()
    grid = tiny.fine
    place, beside = (float(grid.lat[20]), float(grid.lon[12])), (float(grid.lat[20]), float(grid.lon[36]))
    assert "m³ m⁻³" in readout(session, *place)
    share = np.full((1, *grid.shape), np.nan, np.float32)
    share[:, :, :24] = 0.25
    session.map.show_running(Preview(grid, np.array(["2018-01-01"], "datetime64[D]"), share), shares=True)
    assert readout(session, *place) == "25 %"
    assert "m³ m⁻³" in readout(session, *beside)
    session.map.show_running(Preview(grid, np.array(["2018-01-01"], "datetime64[D]"), share))
    assert readout(session, *place) == "0.25 m³ m⁻³"
    session.map.show_running(None)
    assert readout(session, *place) != "0.25 m³ m⁻³"
    assert "m³ m⁻³" in readout(session, *place)
