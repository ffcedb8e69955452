"""A figure as a file for the browser: a picture, or the package of all that belongs to it, in the figure's folder."""

from __future__ import annotations

import re
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from app.figures.store import prepared
from app.files.names import plain
from smcore.errors import ExportError
from smcore.out_file import drafted
from smcore.progress import Cancel, Progress, check

if TYPE_CHECKING:
    from smcore.figures.recipe import Recipe
    from smcore.figures.sources import Places

FILES = "files"
PACKAGE = "package"
_FIGURE = re.compile(r"[0-9a-f]{12}")
_PLAIN = re.compile(r"[^A-Za-z0-9]+")


def file_name(recipe: Recipe, form: str) -> str:
    """What the file of a figure is called: by its title, else by its panels: their kinds, and of what the first is."""
    stem = _PLAIN.sub("-", recipe.title).strip("-")[:60] or _of_panels(recipe)
    return f"{stem}.zip" if form == PACKAGE else f"{stem}.{form}"


def _of_panels(recipe: Recipe) -> str:
    panels = recipe.panels or (recipe,)
    about = panels[0].data.get("told") or {}
    what = str(about.get("title", "")) if isinstance(about, dict) else ""
    what = what or "-".join(map(str, panels[0].data.get("products") or ())) or str(panels[0].data.get("run") or "")
    kinds = "-".join(dict.fromkeys(panel.kind.replace("_", "-") for panel in panels))
    return plain(kinds, what)[:80].rstrip("-._")


def make_file(recipe: Recipe, places: Places, form: str, progress: Progress, cancelled: Cancel) -> Path:
    """Draw a figure into a file, whole or not at all.

    Raises
    ------
    SmcoreError
        If it can't be drawn or written.
    Cancelled
        If the user stopped it.
    """
    from smcore.figures.drawing import picture
    from smcore.figures.package import write_package

    assert places.folder is not None
    folder = places.folder / FILES
    file = folder / file_name(recipe, form)
    progress(0.0, "reading the data")
    ready = prepared(recipe, places, cancelled)
    check(cancelled)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(f"The figure can't be written: {error.strerror or error}", where=file.name) from error
    with drafted(file, overwrite=True) as draft:
        if form == PACKAGE:
            with tempfile.TemporaryDirectory(prefix=f".{file.stem}.", dir=folder) as whole:
                write_package(ready, Path(whole), progress=progress, cancelled=cancelled)
                _zip(Path(whole), draft, file.stem)
        else:
            progress(0.2, f"drawing {form}")
            draft.write_bytes(picture(ready, form))
        check(cancelled)
    progress(1.0, "done")
    return file


def _zip(folder: Path, file: Path, name: str) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        for one in sorted(folder.iterdir()):
            out.write(one, f"{name}/{one.name}")


def found_file(figures: Path, figure: str, name: str) -> Path | None:
    """The file of a figure that a browser asks for; None where there is none."""
    if not _FIGURE.fullmatch(figure) or Path(name).name != name or name.startswith("."):
        return None
    file = figures / figure / FILES / name
    try:
        return file if file.is_file() else None
    except OSError:  # a name that no file can have
        return None
