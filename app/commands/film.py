"""``loam film``: a window of a product over time as GIF or MP4, with date, coast, colour bar and title."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from app import cli


def command(
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="Id of a product on a grid.")],
    out: Annotated[Path, typer.Option("--out", help="The file: .gif, or .mp4 where ffmpeg is at hand.")],
    variable: Annotated[str, typer.Option("--variable", help="Variable; default: the product's own.")] = "",
    bbox: Annotated[
        tuple[float, float, float, float] | None, typer.Option("--bbox", help="West south east north [deg].")
    ] = None,
    start: Annotated[str | None, typer.Option("--start", help="First day, as 2016-04-01.")] = None,
    end: Annotated[str | None, typer.Option("--end", help="Last day, inclusive.")] = None,
    quality: Annotated[str, typer.Option("--quality", help="all, attempted or recommended.")] = "all",
    mask: Annotated[
        list[str] | None, typer.Option("--mask", help="Leave values out by a named rule (repeatable).")
    ] = None,
    colours: Annotated[str, typer.Option("--colours", help="Colour map, as batlow.")] = "",
    colour_range: Annotated[
        tuple[float, float] | None, typer.Option("--range", help="Lowest and highest colour.")
    ] = None,
    width: Annotated[int, typer.Option("--width", help="Of the picture [px], 320 to 1920.")] = 960,
    rate: Annotated[int, typer.Option("--rate", help="Frames a second, 1 to 25.")] = 5,
    title: Annotated[str, typer.Option("--title", help="In place of the product's.")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a plain file of that name.")] = False,
) -> dict[str, Any]:
    """Film a window of a product; of more than 400 steps every k-th is a frame."""
    from smcore.export.film import Film, FilmLook
    from smcore.window import Window

    context = cli.context()
    entry = context.load_catalog().get(entry_id)
    film = Film(
        entry, variable, Window(start, end, *(bbox or (-180.0, -90.0, 180.0, 90.0))), quality=quality, rules=mask or (),
        look=FilmLook(colours, colour_range, width, rate, title),
    )  # fmt: skip
    with cli.tidied():
        written = film.write(out, progress=context.progress, overwrite=overwrite)
    return {"id": entry_id, "synthetic": entry.synthetic, "every": film.every, **asdict(written)}


def render(result: dict[str, Any]) -> None:
    """Say what was written."""
    from smcore.export.sizes import human

    if result["synthetic"]:
        typer.echo("SYNTHETIC: the product is made up")
    every = f", every {result['every']} steps" if result["every"] > 1 else ""
    blank = f", {result['blank']} of them without a value" if result["blank"] else ""
    size, frames = human(result["bytes"]), f"{result['frames']} frames{every}{blank}"
    typer.echo(f"{result['path']}: {size}, {frames}, {result['seconds']:.1f} s")
