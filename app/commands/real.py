"""``loam real``: ingest the real files at hand into a store of their own and open the dashboard on them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from app import cli
from app.settings import PORT
from smcore.catalog import load_catalog
from smcore.errors import SmcoreError
from smcore.ingest import Request, add_to_catalog, ingest
from smcore.progress import part

MARKER = "README.md"


@dataclass(frozen=True)
class Recipe:
    """One store made from real files: id, reader kind, sources below the folder, and a variable if not the first."""

    id: str
    kind: str
    sources: tuple[str, ...]
    variable: str | None = None


_HAWAII = "gridded_ts_hawaii"
RECIPES = (
    Recipe("smap-conus-36km", "pixels", ("hydrodl_conus/conusv4f1_pixels_A.nc",)),
    Recipe("lstm-conus-36km", "pixels", ("hydrodl_conus/lstm_ep100_A.nc",)),
    Recipe("gldas-global", "gldas", ("gldas_noah025_3h/GLDAS_NOAH025_3H.A20160101.*.nc4",)),
    Recipe("smap-pakistan-9km", "smap-points", ("smap_9km_points/pakistan",)),
    Recipe("smap-west-australia-9km", "smap-points", ("smap_9km_points/western_australia",)),
    Recipe("era5-land-pakistan", "era5-land", ("era5land_cds/ERA5_Pakistan_*.nc",)),
    Recipe("era5-land-west-australia", "era5-land", ("era5land_cds/ERA5_Western-Australia_*.nc",)),
    Recipe("cgls-ssm-1km", "cgls-ssm", ("cgls_1km/c_gls_SSM1km_*.nc",)),
    Recipe("cgls-swi-1km", "cgls-ssm", ("cgls_1km/c_gls_SWI1km_*.nc",)),
    Recipe("oznet", "ismn", ("oznet_era5/Data_separate_files_header_20170101_20220101.zip",)),
    Recipe("era5-oznet", "era5", ("oznet_era5/ERA5_swvl1_*.nc",)),
    Recipe("ismn-hawaii", "ismn", ("ismn_hawaii_header/*.zip",)),
    Recipe("ismn-hawaii-2017", "ismn", ("ismn_hawaii_ceop/*.zip",)),
    Recipe("smap-hawaii-v9", "timeseries", (f"{_HAWAII}/SMAP_L3_V9_AM_PM",)),
    Recipe("smap-hawaii-v5", "timeseries", (f"{_HAWAII}/SMAP_L3_V5_PM",)),
    Recipe("era5-land-hawaii", "timeseries", (f"{_HAWAII}/ERA5_LAND",)),
    Recipe("era5-hawaii", "timeseries", (f"{_HAWAII}/ERA5",)),
    Recipe("gldas-hawaii", "timeseries", (f"{_HAWAII}/GLDAS_NOAH025_3H",)),
    Recipe("c3s-hawaii", "timeseries", (f"{_HAWAII}/C3S_V202505",)),
    Recipe("uscrn-manhattan", "uscrn", ("uscrn/KS_Manhattan_6_SSW.csv", "uscrn/usa_soil_moisture_stations.csv")),
    Recipe("uscrn-2020", "uscrn", ("uscrn/crn_2020.parquet", "uscrn/usa_soil_moisture_stations.csv")),
    Recipe("smap-half-orbit", "smap-l2", ("smap_l2_p36/*.h5",)),
    Recipe("smos-north-africa", "smos-l3", ("smos_l3/*.nc",)),
    Recipe("c3s-global", "c3s-sm", ("c3s_sm_daily/*.nc",)),
    Recipe("lis-noahmp", "lis", ("lis_noahmp/*.nc",)),
    Recipe("tahmo-ghana", "ismn", ("ismn_tahmo_ghana/*.zip",)),
)


def command(
    realdata: Annotated[Path | None, typer.Option(help="Folder of the real files; default: LOAM_REALDATA.")] = None,
    home: Annotated[Path | None, typer.Option(help="Where stores and catalogue go; default: LOAM_HOME/real.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = PORT,
    ingest_only: Annotated[bool, typer.Option("--ingest-only", help="Do not open the dashboard.")] = False,
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open a browser.")] = False,
) -> dict[str, Any] | None:
    """Ingest what is not ingested yet, say what each store holds, and serve it."""
    source = realdata or (Path(os.environ["LOAM_REALDATA"]) if os.environ.get("LOAM_REALDATA") else None)
    if source is None or not (source / MARKER).is_file():
        raise SmcoreError(
            f"There are no real files in {source}" if source else "It is not said where the real files are",
            hint="give their folder with --realdata, or set LOAM_REALDATA",
        )
    from smcore.home import home as loam_home

    folder = home or loam_home() / "real"
    made = _ingest_all(source, folder)
    if ingest_only or cli.context().json:
        return {"catalogue": str(folder / "catalog.yml"), "stores": made}
    os.environ["LOAM_HOME"] = str(folder)
    from app.commands.serve import command as serve

    serve([folder / "catalog.yml"], port=port, no_open=no_open)
    return None


def render(result: dict[str, Any]) -> None:
    """Print one line per store."""
    for name, said in result["stores"].items():
        typer.echo(f"{name:<26} {said}")
    typer.echo(f"catalogue: {result['catalogue']}")


def _kept(store: Path, entry_id: str, catalog: Path) -> str:
    """Catalogue a store that is there already, if an interrupted run did not come to it."""
    if not catalog.exists() or entry_id not in load_catalog([catalog]):
        add_to_catalog(store, entry_id, catalog)
        return "there already, catalogued now"
    return "there already"


def _ingest_all(source: Path, folder: Path) -> dict[str, str]:
    """Make every store that is not there yet; what can't be made is said and costs the others nothing."""
    catalog, said = folder / "catalog.yml", {}
    for number, recipe in enumerate(RECIPES):
        store = folder / recipe.id
        progress = part(cli.context().progress, number / len(RECIPES), (number + 1) / len(RECIPES))
        try:
            if store.exists():
                said[recipe.id] = _kept(store, recipe.id, catalog)
                continue
            sources = [str(source / name) for name in recipe.sources]
            request = Request(recipe.kind, sources, store, variable=recipe.variable)
            info = ingest(request, progress=progress)
            add_to_catalog(store, recipe.id, catalog)
        except SmcoreError as error:
            said[recipe.id] = f"left out: {error.sentence}"
            typer.echo(f"loam: {recipe.id} is left out: {error.sentence}", err=True)
            continue
        period = " to ".join(p[:10] for p in info.period)
        said[recipe.id] = f"{info.cells:,} {info.layout}, {info.steps:,} steps, {period}, {info.size / 2**20:.1f} MiB"
        if not cli.context().json:
            print(f"{recipe.id}: {said[recipe.id]}", file=sys.stderr)
    return said
