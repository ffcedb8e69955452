"""``loam figure``: draw a figure from its recipe; the same recipe and data give the same picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from app import cli
from smcore.home import home
from smcore.out_file import check_place, drafted


def command(
    recipe: Annotated[Path, typer.Argument(help="Recipe of the figure, a JSON file.")],
    out: Annotated[Path, typer.Option("--out", help="Picture to write: .png, .svg or .pdf; with --package a folder.")],
    package: Annotated[
        bool,
        typer.Option("--package", help="All that belongs to it: pictures, data, caption, alt text, BibTeX, recipe."),
    ] = False,
    preset: Annotated[str | None, typer.Option("--preset", help="Another journal than the recipe's.")] = None,
    columns: Annotated[float | None, typer.Option("--columns", help="Another width: 1, 1.5 or 2 columns.")] = None,
    dpi: Annotated[int | None, typer.Option("--dpi", help="Other dots an inch, 150 to 600.")] = None,
    allow_changed: Annotated[
        bool, typer.Option("--allow-changed", help="Draw also where the data are not those of the recipe.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a plain file, or an earlier package as it was written.")
    ] = False,
) -> dict[str, Any]:
    """Draw a figure from a recipe."""
    from smcore.figures.drawing import look_of, picture, prepare
    from smcore.figures.package_folder import check_folder
    from smcore.figures.recipe import read_recipe
    from smcore.figures.sources import Places
    from smcore.figures.style import check_format

    form = out.suffix.lower().lstrip(".")
    if package:
        check_folder(out, overwrite=overwrite)
    else:
        check_format(form)
        check_place(out, overwrite=overwrite)
    wanted = {"preset": preset, "columns": columns, "dpi": dpi}
    chosen = read_recipe(recipe).changed(**{name: value for name, value in wanted.items() if value is not None})
    places = Places(
        cli.context().load_catalog(), recipe.resolve().parent, home() / "runs", anywhere=True,
        allow_changed=allow_changed,
    )  # fmt: skip
    prepared = prepare(chosen, places)
    look = look_of(chosen)
    about = {"recipe": str(recipe), "kind": chosen.kind, "preset": look.preset.id, "columns": look.columns}
    notes = [note for note in (look.told(),) if note]
    if package:
        from smcore.figures.package import write_package

        written = write_package(prepared, out, overwrite=overwrite)
        return {**about, "out": str(out), "files": written, "notes": notes}
    raw = picture(prepared, form)
    with drafted(out, overwrite=overwrite) as draft:
        draft.write_bytes(raw)
    return {**about, "out": str(out), "bytes": len(raw), "notes": notes}


def render(result: dict[str, Any]) -> None:
    """Say what was written."""
    for note in result["notes"]:
        typer.echo(f"Note: {note}")
    if "files" in result:
        typer.echo(f"Written to {result['out']}: {', '.join(result['files'])}")
    else:
        typer.echo(f"Written: {result['out']} ({result['bytes'] / 1000:.0f} kB)")
