"""``loam predict``: run a trained model over a window and write the result as a prepared store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from app import cli
from smcore.errors import WindowError
from smcore.roles import parse

ADDS_ENTRY: Final = True
Corners = tuple[float, ...]


def command(
    model: Annotated[str, typer.Argument(help="Folder of a checkpoint, or id of a model.")],
    data: Annotated[list[str], typer.Option("--data", help="[ROLE=]ID of the inputs.")],
    out: Annotated[Path, typer.Option("--out", help="Store to write; must be new.")],
    bbox: Annotated[
        tuple[float, float, float, float] | None, typer.Option("--bbox", help="West south east north [deg].")
    ] = None,
    area: Annotated[
        str | None,
        typer.Option("--area", help="Polygon: a GeoJSON file, or its corners as «lon lat, lon lat, …» or WKT."),
    ] = None,
    start: Annotated[str | None, typer.Option("--start", help="First day.")] = None,
    end: Annotated[str | None, typer.Option("--end", help="Last day, inclusive.")] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    entry_id: Annotated[str, typer.Option("--id", help="Add the result to the catalogue under this id.")] = "",
    quality: Annotated[str, typer.Option("--quality", help="Rule for observations as input.")] = "recommended",
    overpass: Annotated[str, typer.Option("--overpass", help="am, pm or both, for observations as input.")] = "both",
    merged: Annotated[
        bool, typer.Option("--merged", help="Also give observed values where valid, filled elsewhere (sm_merged).")
    ] = False,
    demonstration: Annotated[
        bool, typer.Option("--demonstration-only", help="Let weights trained on synthetic data see real inputs.")
    ] = False,
    precision: Annotated[str, typer.Option("--precision", help="auto (bfloat16 where it agrees) or float32.")] = "auto",
    compiled: Annotated[bool, typer.Option("--compile", help="Compile networks without recurrence first.")] = False,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", help="Address of a running Dask scheduler, as tcp://host:8786.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", help="Processes to start on this machine; 0 for none.")] = 0,
    memory_limit: Annotated[
        str | None, typer.Option("--memory-limit", help="Memory of each started process, as 2GB.")
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
) -> dict[str, Any]:
    """Predict soil moisture with MODEL wherever its inputs are at hand; a killed run goes on when it is given again."""
    from smcore.distributed import Workers
    from smcore.inference import PredictRequest, run_request
    from smcore.window import Window

    context = cli.context()
    sides, corners = _where(bbox, area)
    window = Window(start, end, *sides)
    request = PredictRequest(
        model,
        tuple(parse([*data, *(more or [])])),
        tuple(str(file) for file in context.catalog_files),
        asdict(window),
        device,
        str(out),
        entry_id,
        str(context.catalog_for_writing),
        quality,
        overpass,
        demonstration,
        merged,
        precision,
        compiled,
        corners,
    )
    shared = Workers(scheduler, workers, memory_limit)
    return asdict(run_request(request, context.progress, workers=shared))


def _where(bbox: tuple[float, float, float, float] | None, area: str | None) -> tuple[Sequence[float], Corners]:
    """Sides of the window [deg], and corners of the polygon in it: as the dashboard asks for the same polygon."""
    from smcore.area_text import box_of_polygon, read_area

    if area is None:
        return bbox or (-180.0, -90.0, 180.0, 90.0), ()
    if bbox is not None:
        raise WindowError("--bbox and --area both say where", hint="give one of them")
    found = read_area(area)
    return (found.numbers, ()) if found.kind == "box" else (box_of_polygon(found.numbers), found.numbers)


def render(result: dict[str, Any]) -> None:
    """Print what was written."""
    typer.echo(f"{result['cells']} cells × {result['steps']} steps in {result['seconds']:.1f} s → {result['store']}")
    if result["demonstration"]:
        typer.echo("  SYNTHETIC-TRAINED: a demonstration only; it says nothing about the real world")
    elif result["synthetic"]:
        typer.echo("  SYNTHETIC: model or inputs are made up")
    for note in result["notes"]:
        typer.echo(f"  {note}")
    if result["id"]:
        typer.echo(f"  entry {result['id']} added to the catalogue")
