"""The unit that a run is shown in is that of its tables, whatever was done to the pairs before they were scored."""

from __future__ import annotations

from pathlib import Path

import pytest
from factories import catalogue, tiny_cube, tiny_stations

from smcore.catalog import Catalog, load_catalog
from smcore.figures.recipe import FORMAT, VERSION, load_kind, recipe_of
from smcore.figures.scatter_numbers import corner
from smcore.figures.sources import Places
from smcore.grids import ease
from smcore.validation.runs.output import write_run
from smcore.validation.runs.pair_density import density_of, write_densities
from smcore.validation.runs.results import DENSITY, RunResults, open_run
from smcore.validation.runs.run import RunOptions, validate
from smcore.validation.runs.run_pairs import read_pairs, transforms_of
from smcore.validation.transforms import Transform

GRID = ease("M36").cut(slice(80, 84), slice(200, 204))
VOLUMETRIC, PERCENT = "m3 m-3", "%"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """A product in percent and two stations, over three years and some days."""
    cube = tiny_cube(GRID, count=1150, seed=2)
    cube["sm"] = (cube["sm"] * 100).assign_attrs(cube["sm"].attrs, units=PERCENT)
    data = {"a": cube, "nets": tiny_stations(GRID, count=1150, stations=2)}
    return load_catalog([catalogue(tmp_path_factory.mktemp("percent"), data)])


def made(catalog: Catalog, folder: Path, product: str, transform: Transform) -> RunResults:
    run = validate([product], "nets", catalog, RunOptions(transform=transform))
    write_run(run, folder)
    return open_run(folder)


@pytest.mark.parametrize(
    ("product", "transform", "wanted"),
    [
        ("a", Transform(), (PERCENT, VOLUMETRIC)),
        ("a", Transform(anomaly="35d"), (PERCENT, VOLUMETRIC)),
        ("a", Transform("mean_std"), (VOLUMETRIC, VOLUMETRIC)),
        ("a@mean_std", Transform(), (VOLUMETRIC, VOLUMETRIC)),
        ("a", Transform(anomaly="standardised"), ("1", "1")),
        ("a", Transform("mean_std", anomaly="standardised"), ("1", "1")),
    ],
)
def test_tables_pairs_and_figures_of_a_run_have_one_unit(
    product: str, transform: Transform, wanted: tuple[str, str], catalog: Catalog, tmp_path: Path
) -> None:
    results = made(catalog, tmp_path / "run", product, transform)
    written = set(results.metrics.loc[results.metrics["metric"] == "ubrmsd", "units"])
    assert {results.units} == written == {wanted[1]}
    assert results.pair_units(results.products[0]) == wanted
    pairs = read_pairs(results.record, catalog)
    write_densities(
        results.folder / DENSITY, {p.name: density_of(p, transforms_of(results.record)[p.name]) for p in pairs}
    )
    places = Places(catalog, anywhere=True)
    for kind in ("scatter", "network-scatter"):
        source = {"source": "run", "run": str(results.folder)}
        made_of = recipe_of({"format": FORMAT, "version": VERSION, "kind": kind, "data": source})
        data = load_kind(kind).read(made_of.data, made_of.options, places)
        assert tuple(data.drawn["units"]) == wanted, kind
        assert data.told.units == wanted[1]
    density = results.density(results.products[0])
    assert density is not None
    assert density.units == wanted


def test_the_corner_of_a_scatter_spells_no_unit_of_standardised_anomalies(catalog: Catalog, tmp_path: Path) -> None:
    results = made(catalog, tmp_path / "run", "a", Transform("mean_std", anomaly="standardised"))
    made_of = recipe_of(
        {"format": FORMAT, "version": VERSION, "kind": "scatter", "data": {"source": "run", "run": str(results.folder)}}
    )
    data = load_kind("scatter").read(made_of.data, made_of.options, Places(catalog, anywhere=True))
    told = [one for one in corner(data) if one.startswith(("bias", "ubRMSD"))]
    assert len(told) == 2
    assert not [one for one in told if one.endswith(("⁻³", " 1"))]
