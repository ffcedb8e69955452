"""``loam downscaling``: test a downscaled product against its coarse source, and both of them at stations.

Writes downscaling.csv, downscaling.nc, run.json and, with stations, stations.csv into a folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from app import cli


def command(
    fine: Annotated[str, typer.Option("--fine", help="Id of the downscaled product, a cube.")],
    coarse: Annotated[str, typer.Option("--coarse", help="Id of the product that it was made from.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the result; new, or of an earlier run.")],
    reference: Annotated[str, typer.Option("--reference", help="Id of stations, for the gain there.")] = "",
    coverage: Annotated[float, typer.Option("--coverage", help="Share of a coarse cell that needs fine values.")] = 0.8,
    start: Annotated[str | None, typer.Option("--start", help="First day, as 2016-04-01.")] = None,
    end: Annotated[str | None, typer.Option("--end", help="Last day, inclusive.")] = None,
    bbox: Annotated[
        tuple[float, float, float, float] | None, typer.Option("--bbox", help="West south east north [deg].")
    ] = None,
    quality: Annotated[str, typer.Option("--quality", help="recommended, attempted or all.")] = "recommended",
    overpass: Annotated[str, typer.Option("--overpass", help="am, pm or both.")] = "both",
    depth: Annotated[
        tuple[float, float] | None, typer.Option("--depth", help="Keep sensors between two depths [m].")
    ] = None,
    flags: Annotated[str, typer.Option("--flags", help="Station flags to keep, as G or G,U; any keeps all.")] = "G",
    min_obs: Annotated[int, typer.Option("--min-obs", help="Days that a number needs.")] = 10,
) -> dict[str, Any]:
    """Coarse consistency, added variance by wavelength, and the gain over the coarse pixel at stations."""
    from smcore.validation.downscaling.run import FORMAT, DownscalingOptions, run_downscaling, write_downscaling
    from smcore.validation.runs.result_folder import check_folder
    from smcore.window import Window

    kept = None if flags == "any" else tuple(flag.strip() for flag in flags.split(",") if flag.strip())
    window = Window(start, end, *(bbox or (-180.0, -90.0, 180.0, 90.0)))
    options = DownscalingOptions(coverage, window, quality, overpass, min_obs, depth, kept)
    check_folder(out, FORMAT)
    context = cli.context()
    run = run_downscaling(
        fine, coarse, context.load_catalog(), reference=reference, options=options, progress=context.progress
    )
    written = write_downscaling(run, out)
    return {"out": str(out), "files": written, **{k: run.record[k] for k in ("fine", "coarse", "period", "days",
                                                                            "spectrum", "stations")}}  # fmt: skip


def render(result: dict[str, Any]) -> None:
    """Print the numbers of each part."""
    table = pd.read_csv(Path(result["out"]) / "downscaling.csv", keep_default_na=False, na_values=[""])
    fine, coarse, spectrum = result["fine"], result["coarse"], result["spectrum"]
    typer.echo(f"{fine['id']} against {coarse['id']}: {result['days']} days, {' to '.join(result['period'])}")
    if fine["synthetic"] or coarse["synthetic"]:
        typer.echo("  SYNTHETIC: a product is made up")
    chosen = table[table["part"] == "consistency"]
    for location, group in chosen.groupby("location", sort=False):
        numbers = ", ".join(f"{r['metric']} {r['value']:.4f}" for r in group.to_dict("records") if pd.notna(r["value"]))
        count = int(group["locations"].iloc[0])
        typer.echo(f"  mean of fine minus coarse, {str(location).strip('*')}: {numbers} ({count} coarse cells)")
    if "windows" in spectrum:
        share = spectrum["share_added_below"]
        said = "" if share is None else f", {share:.0%} of it below {spectrum['resolved_by_coarse_from_km']:.0f} km"
        typer.echo(
            f"  added variance {spectrum['added_variance']:.3g}{said} "
            f"({spectrum['windows']} windows of {spectrum['window_km']:.0f} km)"
        )
    else:
        typer.echo(f"  spectrum: {spectrum['notes']}")
    if result["stations"]:
        typer.echo(f"  {result['stations']['sentence']}")
    typer.echo(f"Written to {result['out']}: {', '.join(result['files'])}")
