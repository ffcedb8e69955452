"""``loam train``: train a model on data sets in their roles and score it on what it did not see.

Writes weights, card.json, scores.csv, locations.csv and run.json into a new folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from app import cli
from smcore.errors import ModelError
from smcore.roles import open_sources, parse
from smcore.window import Window


def command(
    model: Annotated[str, typer.Argument(help="Id of a model; see: loam catalog list, docs/adding.md.")],
    data: Annotated[list[str], typer.Option("--data", help="[ROLE=]ID of the data sets: target, forcing, static, …")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the result; must be new.")],
    start: Annotated[str | None, typer.Option("--start", help="First day to train on.")] = None,
    end: Annotated[str | None, typer.Option("--end", help="Last day to train on, inclusive.")] = None,
    test_start: Annotated[str | None, typer.Option("--test-start", help="First day to score instead.")] = None,
    test_end: Annotated[str | None, typer.Option("--test-end", help="Last day to score.")] = None,
    bbox: Annotated[
        tuple[float, float, float, float] | None, typer.Option("--bbox", help="West south east north [deg].")
    ] = None,
    split: Annotated[
        str, typer.Option("--split", help="random, block, region, year, site, overpass-hours or none.")
    ] = "block",
    buffer: Annotated[
        float, typer.Option("--buffer", help="Hide training values nearer than this to held-out places [deg].")
    ] = 0.0,
    task: Annotated[
        str, typer.Option("--task", help="Models that read the target: fill (hidden gaps) or predict (nothing seen).")
    ] = "",
    folds: Annotated[int, typer.Option("--folds", help="Train this many models, each without its part.")] = 1,
    config: Annotated[str, typer.Option("--config", help="A named configuration of the model.")] = "",
    seed: Annotated[int, typer.Option("--seed", help="Of everything random.")] = 0,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    mixed: Annotated[bool, typer.Option("--mixed", help="Compute in bfloat16 where that is safe (CUDA).")] = False,
    band: Annotated[bool, typer.Option("--band/--no-band", help="Hold values back for an error band.")] = True,
    memory: Annotated[
        float | None, typer.Option("--memory", help="Inputs larger than this go to disk [GB]; else a quarter of it.")
    ] = None,
    quality: Annotated[str, typer.Option("--quality", help="recommended, attempted or all.")] = "recommended",
    overpass: Annotated[str, typer.Option("--overpass", help="am, pm or both.")] = "am",
    flags: Annotated[str, typer.Option("--flags", help="Station flags to keep, as G or G,U; any keeps all.")] = "G",
    depth: Annotated[tuple[float, float], typer.Option("--depth", help="Sensors between two depths [m].")] = (0.0, 0.1),
    half: Annotated[bool, typer.Option("--half", help="Store weights as float16.")] = False,
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
) -> dict[str, Any]:
    """Train MODEL and report medians of R and ubRMSD over held-out locations, with intervals."""
    from smcore.training.datasets import Choice
    from smcore.training.run import TrainRequest, train
    from smcore.training.splits import Split

    box = bbox or (-180.0, -90.0, 180.0, 90.0)
    window = Window(start, end, *box)
    kept = None if flags == "any" else tuple(flag.strip() for flag in flags.split(",") if flag.strip())
    request = TrainRequest(
        model,
        config,
        Split(split, folds, seed, buffer),
        window,
        _test(test_start, test_end),
        Choice(quality, overpass, kept, depth),
        seed,
        device,
        half,
        mixed,
        task,
        band,
    )
    context = cli.context()
    catalog, wanted = context.load_catalog(), parse([*data, *(more or [])])
    hidden = [entry_id for _, entry_id in wanted if entry_id in catalog and catalog.get(entry_id).hidden]
    if hidden:
        raise ModelError(f"{hidden[0]!r} is a hidden truth: it only scores, and nothing learns from it")
    sources = open_sources(catalog, wanted)
    limit = None if memory is None else max(0, int(memory * 1e9))
    return train(request, sources, out, memory=limit, progress=context.progress)


def _test(start: str | None, end: str | None) -> tuple[str, str] | None:
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise ModelError("A test period needs --test-start and --test-end")
    Window(start, end)
    return start, end


def _figure(row: dict[str, Any]) -> str:
    """A score and its interval; a dash for what could not be given, as the interval of a sample of one block."""
    if row["value"] is None:
        return "—"
    known = row["lower"] is not None and row["upper"] is not None
    return f"{row['value']:.4f} [{row['lower']:.4f}, {row['upper']:.4f}]" if known else f"{row['value']:.4f} [—]"


def render(result: dict[str, Any]) -> None:
    """Print the pooled scores, one line each."""
    from smcore.training.scores import LEAST_DAYS

    for row in result["scores"]:
        if row["fold"] == "all":
            typer.echo(f"{row['sample']:32} {row['metric']:18} {_figure(row)}  {row['locations']} locations")
    if any(row["fold"] == "all" and row["value"] is None for row in result["scores"]):
        typer.echo(f"  — stands where no location has {LEAST_DAYS} held-out days; choose a longer period")
    for said in result["bands"]:
        for row in said.get("measured", ()):
            if row["stratum"] == "all":
                around = said["climatology"].get("mean_width")
                beside = "" if around is None else f" (climatology's {around:.4f})"
                text = f"90 % band holds {row['coverage']:.1%} of {row['values']}, mean width {row['mean_width']:.4f}"
                typer.echo(f"{row['sample']:32} {text}{beside}")
    for note in result["notes"]:
        typer.echo(f"  {note}")
    typer.echo(f"Written to {result['out']} in {result['seconds']:.0f} s")
