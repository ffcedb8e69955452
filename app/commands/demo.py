"""``loam demo``: build the synthetic demo world, or say that it is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from app import cli
from smcore.home import home


def command(
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Where to build it; the default is demo/ in LOAM_HOME.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Four years, 240 stations: for training; takes long.")] = False,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Another seed, another world.")] = None,
) -> dict[str, Any]:
    """Build the synthetic demo world: nested domains, observations, a model, stations and their hidden truth."""
    from smcore.demo import SEED, VERSION, world
    from smcore.demo.build import build

    target = folder or home() / "demo"
    cut = world.FULL if full else world.DEFAULT
    built = build(cut, target, seed=SEED if seed is None else seed, progress=cli.context().progress)
    return {
        "folder": str(built.folder),
        "catalog": str(built.catalog),
        "synthetic": True,
        "generator_version": VERSION,
        "seed": built.seed,
        "cut": built.cut,
        "built_now": built.fresh,
        "seconds": round(built.seconds, 1),
        "megabytes": round(built.megabytes, 1),
    }


def render(result: dict[str, Any]) -> None:
    """Say in two lines what was done and where it is."""
    if result["built_now"]:
        done = f"Built the synthetic demo world ({result['cut']} cut) in {result['seconds']:.0f} s"
    else:
        done = f"The synthetic demo world ({result['cut']} cut) is there already"
    typer.echo(f"{done}: {result['folder']}, {result['megabytes']:.0f} MB, generator {result['generator_version']}")
    typer.echo(f"Its catalogue: {result['catalog']}")
