"""The default figures of a run as files, each in a folder with its data, caption, references and recipe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from smcore.bundle.layout import FIGURES
from smcore.errors import Cancelled, SmcoreError
from smcore.figures.package import write_package
from smcore.figures.sources import RUN, Places, digest
from smcore.progress import Cancel, Progress, check
from smcore.report.material import Material
from smcore.report.pictures import read, recipes
from smcore.validation.runs.replay import RUN_FILE

FORMS: Final = ("png", "svg")
_RUN_FROM_FIGURE: Final = "../.."
"""Where the run lies, seen from the folder of a figure."""


def write_figures(material: Material, draft: Path, progress: Progress, cancelled: Cancel) -> tuple[str, ...]:
    """Write the default figures below ``figures/``.

    Returns
    -------
    tuple
        Sentences about those that could not be drawn.
    """
    missing: list[str] = []
    wanted = list(recipes(material, _RUN_FROM_FIGURE))
    record = digest(draft / RUN_FILE)
    for i, (name, recipe) in enumerate(wanted):
        check(cancelled)
        progress(i / len(wanted), f"figure {i + 1} of {len(wanted)}")
        folder = draft / FIGURES / name
        folder.mkdir(parents=True)
        if recipe.data["source"] == RUN:
            recipe = replace(recipe, data={**recipe.data, "sha256": record})
        try:
            prepared = read(material, recipe, Places(folder=folder, anywhere=True))
            write_package(prepared, folder, forms=FORMS, cancelled=cancelled)
        except Cancelled:
            raise
        except SmcoreError as error:
            folder.rmdir()
            missing.append(f"The figure {name} is left out: {error.what}")
    return tuple(missing)
