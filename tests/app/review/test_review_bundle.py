"""The desk on a bundle away from its data: what is drawn is what the numbers are of; pairs kept at home stay there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny import Tiny

from app.page.language import speaking
from app.review import page as review_page
from app.session import Session
from app.settings import Settings
from smcore.bundle.write import write_bundle
from smcore.catalog import load_catalog
from smcore.validation.runs.output import write_run
from smcore.validation.runs.plan import RunOptions
from smcore.validation.runs.results import open_run
from smcore.validation.runs.run import validate

WEEK = {"start": "2018-01-05T00:00:00", "end": "2018-01-12T23:59:59", "reason": "drift", "text": ""}


@pytest.fixture(scope="module")
def bundles(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with its pairs, and one of the same run whose reference must not be passed on."""
    folder, catalog = tmp_path_factory.mktemp("away"), load_catalog([tiny.file])
    names = ("coarse", "coarse@mean_std", "fine")
    write_run(validate(names, "nets", catalog, RunOptions(strata=("none",))), folder / "run")
    write_bundle(open_run(folder / "run"), catalog, folder / "open", with_figures=False)
    record = json.loads((folder / "run" / "run.json").read_text())
    record["reference"]["licence"] = "not to be passed on"
    (folder / "run" / "run.json").write_text(json.dumps(record))
    write_bundle(open_run(folder / "run"), catalog, folder / "closed", with_figures=False)
    return folder


@pytest.fixture
def away(bundles: Path, tmp_path: Path) -> Callable[..., Session]:
    """Open a tab on the desk of a copy of a bundle, without the data."""

    def opened(which: str, **query: str) -> Session:
        folder = tmp_path / which
        for file in (bundles / which).rglob("*"):
            if file.is_file():
                target = folder / file.relative_to(bundles / which)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read_bytes())
        own = tmp_path / "own.yml"
        own.write_text("version: 2\n")
        settings = Settings(
            catalogs=(own,), writable_catalog=own, jobs=tmp_path / "jobs", runs=tmp_path / "runs", bundles=(folder,)
        )
        tab = Session(settings, {"place": "stations", "run": "bundle-1", "reader": "Ada", **query})
        tab.room.review.load()(lambda *_: None, lambda: False)
        tab.room.move(1)
        return tab

    return opened


def test_a_closed_bundle_shows_a_density_with_the_numbers_and_says_what_it_is(away: Callable[..., Session]) -> None:
    tab = away("closed", blind="off")
    desk, page = tab.room.desk, review_page.page(tab.room.review, tab.room.review.subject)
    assert page is not None
    assert page.least == 5
    assert [len(panel.time) for panel in page.panels] == [0, 0, 0]
    for panel, plot in zip(page.panels, desk.scatter._plots, strict=False):
        assert panel.raster is not None
        image = np.nan_to_num(np.asarray(plot.image.data["image"][0]))
        assert image.sum() == panel.counted.shown
        assert (plot.image.data["x"][0], plot.image.data["dw"][0]) == pytest.approx(
            (panel.raster.low, panel.raster.high - panel.raster.low)
        )
        assert f"n {panel.numbers['n'].value:.0f}" in plot.told.text
        assert panel.counted.total == panel.numbers["n"].value
        assert not plot.line.data["x"]
    told = desk.scatter.without.object
    assert "single pairs are not in the bundle" in told
    assert "fewer than 5 pairs are left out" in told
    assert "scaled to the reference by mean_std" in told
    with speaking("zh"):
        desk.scatter._shown = ()
        desk.scatter.show(page, {one.name: one.name for one in page.panels}, "light", with_numbers=True)
        assert "pairs" not in desk.scatter.without.object


def test_a_blind_reader_of_a_closed_bundle_is_told_nothing_of_a_product(away: Callable[..., Session]) -> None:
    tab = away("closed", blind="on")
    told = tab.room.desk.scatter.without.object
    assert "single pairs are not in the bundle" in told
    for word in ("mean_std", "Observed", "Model", "lie in bins"):
        assert word not in told
    assert all(plot.told.text == "" for plot in tab.room.desk.scatter._plots)


def test_the_figure_of_a_closed_station_is_its_bins_and_says_so(away: Callable[..., Session]) -> None:
    tab = away("closed", blind="off")
    made = tab.room.picture(2)
    assert set(made.data.table.columns) == {"reference", "product", "pairs"}
    assert made.data.table["pairs"].min() >= 5
    assert made.data.told.n == tab.room.review.live.station(tab.room.review.subject)["fine"]["n"].value
    assert any("fewer than 5 pairs are left out" in note for note in made.data.told.notes)


@pytest.mark.parametrize("place", [0, 1], ids=["as paired", "scaled"])
def test_in_a_bundle_what_is_excluded_is_marked_and_the_figure_is_of_the_pairs_of_its_numbers(
    away: Callable[..., Session], place: int
) -> None:
    tab = away("open", blind="off")
    review = tab.room.review
    before = review_page.page(review, review.subject).panels[place]
    assert not before.out.any()
    review.act("exclude", WEEK)
    panel = review_page.page(review, review.subject).panels[place]
    start, stop = (np.datetime64(WEEK[end], "us").astype(np.int64) for end in ("start", "end"))
    pairs = review.live.pairs(review.subject)[panel.name]
    within = (pairs.reference_time >= start) & (pairs.reference_time <= stop)
    np.testing.assert_array_equal(panel.out, within)
    assert 0 < panel.out.sum() < len(panel.out)
    np.testing.assert_array_equal(panel.product, before.product)
    assert panel.numbers["bias"].value == pytest.approx(float(np.mean(panel.product - panel.reference)), abs=1e-6)
    made = tab.room.picture(place)
    assert made.data.told.n == len(panel.product) == panel.numbers["n"].value
    assert (made.data.table["marked"] == 0).sum() == panel.out.sum()
    assert made.data.told.exclusions == ()
    assert any(note.startswith("not counted here: excluded: ") for note in made.data.told.notes)


def test_where_the_series_would_be_it_is_said_that_the_data_are_not_here(away: Callable[..., Session]) -> None:
    tab = away("open", blind="off")
    assert "need the data of the run" in tab.series.message.object


def test_products_that_the_catalogue_lacks_have_names_of_their_own_without_the_mark_beside_them(
    away: Callable[..., Session],
) -> None:
    tab = away("open", blind="off")
    for one in tab.room.review.results.record["products"]:
        one["title"] = f"Made-up world, synthetic: {one['id']}-like moisture, 36 km"
    names = tab.room.review.labels(tab.room.review.subject)
    assert names == {
        "coarse": "coarse-like moisture, 36 km",
        "coarse@mean_std": "coarse-like moisture, 36 km, scaled by mean std",
        "fine": "fine-like moisture",
    }
