"""Run a notebook of the manual again and write its outputs into it.

``LOAM_HOME=… python tools/run_notebook.py docs/first-look.ipynb``, with a demo world in ``LOAM_HOME``. Jupyter is no
dependency of Loam, so the code cells are run here, one after another in one namespace, as Jupyter would: what is
printed and the last expression become the outputs, HoloViews elements as PNG pictures. Paths of this machine may not
get into an output, and the file may not grow beyond what a reader downloads without thinking.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

MOST_BYTES = 300_000
DPI = 72


def run(path: Path) -> dict[str, Any]:
    """The notebook with fresh outputs."""
    notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    space: dict[str, Any] = {"__name__": "__main__"}
    count = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            count += 1
            cell["execution_count"] = count
            cell["outputs"] = outputs("".join(cell["source"]), space, count)
    return notebook


def outputs(source: str, space: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Run one cell and give what Jupyter would show beneath it."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, f"<cell {count}>", "exec"), space)
        value = eval(compile(ast.Expression(last.value), f"<cell {count}>", "eval"), space) if last else None
    found: list[dict[str, Any]] = []
    if printed.getvalue():
        found.append({"output_type": "stream", "name": "stdout", "text": lines(printed.getvalue())})
    if value is not None:
        data = shown(value)
        found.append({"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": data})
    return found


def shown(value: Any) -> dict[str, Any]:
    """A value as text, and as the richer form it has."""
    if type(value).__module__.startswith(("holoviews.", "geoviews.")):
        return {"image/png": base64.b64encode(picture(value)).decode(), "text/plain": [type(value).__name__]}
    found: dict[str, Any] = {"text/plain": lines(repr(value))}
    if hasattr(value, "_repr_html_") and type(value).__module__.startswith("pandas"):
        found["text/html"] = lines(value._repr_html_())
    return found


def picture(element: Any) -> bytes:
    """A HoloViews element as a PNG."""
    import holoviews as hv
    from PIL import Image

    drawn, _ = hv.renderer("matplotlib").instance(fig="png", dpi=DPI)(element, fmt="png")
    buffer = io.BytesIO()
    Image.open(io.BytesIO(drawn)).convert("RGB").save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def lines(text: str) -> list[str]:
    """Text as notebooks keep it."""
    return text.splitlines(keepends=True)


def written(notebook: dict[str, Any]) -> str:
    """The file's text, checked: small, and without a path of this machine."""
    text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    if len(text.encode()) > MOST_BYTES:
        raise SystemExit(f"The notebook has {len(text.encode())} bytes, more than {MOST_BYTES}: show less in it")
    for place in (os.environ.get("LOAM_HOME", ""), str(Path.home()), str(Path(__file__).resolve().parents[1])):
        if len(place) > 1 and place in text:
            raise SystemExit("A path of this machine stands in an output of the notebook: don't show it")
    return text


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(written(run(path)), encoding="utf-8")
