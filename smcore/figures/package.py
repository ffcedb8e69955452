"""All that belongs to a figure in one folder: pictures, the data behind it, caption, alternative text, BibTeX, recipe.

The recipe in the folder names the data file beside it by its SHA-256, so that the folder draws itself again on any
machine, without a catalogue; the recipe that the figure came from stays beside it as ``source.json``.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from smcore.errors import ExportError
from smcore.figures.caption import LETTERS, alternative, caption
from smcore.figures.citations import bibliography
from smcore.figures.data import Data
from smcore.figures.drawing import Prepared, look_of, picture
from smcore.figures.package_folder import check_folder, cleared, write_list
from smcore.figures.projections import EASE2
from smcore.figures.recipe import Recipe
from smcore.figures.stored import file_source, suffix_of, write_data
from smcore.figures.style import FORMATS
from smcore.progress import Cancel, Progress, check, never, quiet

NAME: Final = "figure"
RECIPE, SOURCE, CAPTION, ALT, BIB = "recipe.json", "source.json", "caption.txt", "alt.txt", "references.bib"


def write_package(
    prepared: Prepared,
    out: Path,
    *,
    forms: Sequence[str] = FORMATS,
    progress: Progress = quiet,
    cancelled: Cancel = never,
    overwrite: bool = False,
) -> list[str]:
    """Write a figure with all that belongs to it into a folder; the names of the files.

    Parameters
    ----------
    overwrite
        Whether an earlier package there is replaced, when the new one is whole.

    Raises
    ------
    ExportError
        If the folder is taken (see :func:`smcore.figures.package_folder.check_folder`), or can't be written.
    Cancelled
        If the user asked to stop; nothing is left then.
    """
    check_folder(out, overwrite=overwrite)
    out = out.absolute()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise ExportError(f"The folder can't be written: {error.strerror or error}", where=str(out)) from error
    try:
        _fill(prepared, draft, forms, progress, cancelled)
        names = sorted(file.name for file in draft.iterdir())
        draft.chmod(0o777 & ~_umask())
        with cleared(out, overwrite=overwrite):
            draft.rename(out)
    except OSError as error:
        raise ExportError(f"The folder can't be written: {error.strerror or error}", where=str(out)) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return names


def _umask() -> int:
    now = os.umask(0)
    os.umask(now)
    return now


def _fill(prepared: Prepared, folder: Path, forms: Sequence[str], progress: Progress, cancelled: Cancel) -> None:
    for i, form in enumerate(forms):
        check(cancelled)
        progress(i / (len(forms) + 1), f"drawing {form}")
        (folder / f"{NAME}.{form}").write_bytes(picture(prepared, form))
    check(cancelled)
    progress(len(forms) / (len(forms) + 1), "writing data, caption and references")
    own = self_contained(prepared, folder)
    (folder / RECIPE).write_text(own.text(), encoding="utf-8")
    (folder / SOURCE).write_text(prepared.recipe.text(), encoding="utf-8")
    (folder / CAPTION).write_text(caption(prepared.parts) + "\n", encoding="utf-8")
    (folder / ALT).write_text(alternative(prepared.parts) + "\n", encoding="utf-8")
    (folder / BIB).write_text(references(prepared), encoding="utf-8")
    write_list(folder)
    progress(1.0, "done")


def references(prepared: Prepared) -> str:
    """BibTeX of all that a figure shows."""
    methods = [EASE2 for recipe, _ in prepared.parts if recipe.projection == EASE2]
    return bibliography((data.told for data in prepared.data), methods)


def self_contained(prepared: Prepared, folder: Path) -> Recipe:
    """Write the data of a figure into a folder, and give the recipe that draws them from there."""
    recipe, font = prepared.recipe, look_of(prepared.recipe).font
    if not recipe.panels:
        return replace(_beside(recipe, prepared.data[0], folder, NAME), font=font)
    panels = tuple(_beside(one, data, folder, f"{NAME}-{LETTERS[i]}") for i, (one, data) in enumerate(prepared.parts))
    return replace(recipe, panels=panels, font=font)


def _beside(recipe: Recipe, data: Data, folder: Path, name: str) -> Recipe:
    file = f"{name}{suffix_of(data)}"
    source = file_source(data, file, write_data(data, folder / file))
    return replace(recipe, data=json.loads(json.dumps(source, allow_nan=False)))
