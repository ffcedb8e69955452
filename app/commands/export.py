"""``loam export``: a window of a product as NetCDF, Zarr, GeoTIFF or CSV, complete and compared with its source."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from app import cli
from smcore.errors import ExportError


def command(
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the product, pixel set or stations.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The file; for cog without .tif: a folder, one file a step. Without it: the size."),
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="netcdf, zarr, cog or csv; without it, as the ending of --out says.")
    ] = "",
    variable: Annotated[
        list[str] | None, typer.Option("--variable", help="Variable, repeatable; default: the product's own.")
    ] = None,
    bbox: Annotated[
        tuple[float, float, float, float] | None, typer.Option("--bbox", help="West south east north [deg].")
    ] = None,
    start: Annotated[str | None, typer.Option("--start", help="First day, as 2016-04-01.")] = None,
    end: Annotated[str | None, typer.Option("--end", help="Last day, inclusive.")] = None,
    quality: Annotated[str, typer.Option("--quality", help="all, attempted or recommended.")] = "all",
    mask: Annotated[
        list[str] | None,
        typer.Option("--mask", help="Leave values out by a named rule, as frozen_ground (repeatable)."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a plain file of that name.")] = False,
) -> dict[str, Any]:
    """Write a window of a product as a file for other software, or say how large it would be."""
    from smcore.export.provenance import left_out
    from smcore.export.request import Export, format_of
    from smcore.window import Window

    context = cli.context()
    window = Window(start, end, *(bbox or (-180.0, -90.0, 180.0, 90.0)))
    entry = context.load_catalog().get(entry_id)
    export = Export(entry, variable or (), window, quality=quality, rules=mask or ())
    about = {"id": entry_id, "synthetic": entry.synthetic, "left_out": left_out(export.source)}
    if out is None:
        if not form:
            raise ExportError("Neither a file nor a format is named", hint="add --out FILE, or --format for the size")
        return about | {"format": form, "size": asdict(export.size(form))}
    form = form or format_of(out)
    size = asdict(export.check(form, out, overwrite=overwrite))
    if not context.json:
        typer.echo(f"about {_size(size['bytes'])}: {size['steps']} steps, {size['cells']} places", err=True)
    with cli.tidied():
        written = export.write(out, form, progress=context.progress, overwrite=overwrite)
    return about | {"size": size} | asdict(written)


def render(result: dict[str, Any]) -> None:
    """Say what was written, or how large it would be."""
    about = result["size"]
    what = f"{about['steps']} steps, {about['cells']} places, {about['values']} numbers at most"
    if result["synthetic"]:
        typer.echo("SYNTHETIC: the product is made up")
    if result["left_out"]:
        typer.echo(f"mask: {result['left_out']}")
    if "path" not in result:
        typer.echo(f"{result['id']} as {result['format']}: about {_size(about['bytes'])} ({what})")
        return
    typer.echo(
        f"{result['path']}: {_size(result['bytes'])}, {result['values']} values of {about['steps']} steps and "
        f"{about['cells']} places, read again and compared with the source"
    )


def _size(count: int) -> str:
    from smcore.export.sizes import human

    return human(count)
