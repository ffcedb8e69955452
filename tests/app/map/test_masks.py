"""One mask for all that is looked at: map, series, place, difference, station, and where Infer and Validate start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from factories import catalogue, tiny_cube, tiny_stations
from flagged import FROZEN, GRID, NOT_ADVISED, flagged

from app.files.saving import map_file, scatter_file
from app.session import Session
from app.settings import Settings
from smcore.cubes.store import open_store
from smcore.errors import MatchError
from smcore.maps import paint
from smcore.names import RANGE_M3M3
from smcore.validation.matching.mask_rules import named
from smcore.validation.matching.match import MatchOptions, match, pairs_dataset
from smcore.validation.matching.sides import Masks, side


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A flagged product, a model on its grid without flags, and stations."""
    data = {
        "flagged": flagged(title="Flagged"),
        "model": tiny_cube(GRID, 6, seed=4, title="Model"),
        "real": tiny_cube(GRID, 6, seed=5, title="Real", synthetic=0),
        "nets": tiny_stations(GRID, 6),
    }
    return catalogue(tmp_path_factory.mktemp("masked"), data)


@pytest.fixture
def tab(file: Path, tmp_path: Path) -> Callable[..., Session]:
    settings = Settings(catalogs=(file,), writable_catalog=tmp_path / "own.yml", jobs=tmp_path / "jobs")
    return lambda **query: Session(settings, {"product": "flagged", "t": "2018-01-03"} | query)


@pytest.fixture(scope="module")
def data(file: Path) -> xr.Dataset:
    return open_store(file.parent / "flagged").dataset().load()


def kept(data: xr.Dataset, unwanted: int) -> np.ndarray:
    """Soil moisture (time, y, x) of retrievals with none of the unwanted bits."""
    return np.where(data["quality"].values & unwanted == 0, data["sm"].values, np.nan)


AT = {"at": f"{GRID.lat[5]:.4f},{GRID.lon[6]:.4f}"}
MASKED = {"quality": "recommended", "mask": "frozen_ground"}


def test_the_map_leaves_out_what_the_chooser_says(tab: Callable[..., Session], data: xr.Dataset) -> None:
    session = tab()
    store, entry, view = session.store, session.store.entry, session.map.view()
    assert entry is not None
    gather = store.gather(entry, view)
    for unwanted, choose in (
        (0, lambda: None),
        (NOT_ADVISED, lambda: setattr(session.layers.mask.quality, "value", "recommended")),
        (NOT_ADVISED | FROZEN, lambda: setattr(session.layers.mask.rules, "value", ["frozen_ground"])),
    ):
        choose()
        expected = kept(data, unwanted)[2][gather.rows, gather.columns]
        np.testing.assert_array_equal(store.frame(entry, 2, view).codes, paint(expected, gather, *RANGE_M3M3))
    assert (session.selection.quality, session.selection.masks) == ("recommended", "frozen_ground")


def test_series_and_place_leave_out_the_same_and_say_why(tab: Callable[..., Session], data: xr.Dataset) -> None:
    session = tab(**AT, **MASKED)
    expected = kept(data, NOT_ADVISED | FROZEN)[:, 5, 6]
    own = next(one for one in session.store.series() if one.entry_id == "flagged")
    np.testing.assert_array_equal(own.value, expected)
    gone = np.flatnonzero(np.isfinite(data["sm"].values[:, 5, 6]) & np.isnan(expected))
    session.selection.time = str(data["time"].values[gone[0]])[:10]
    cell = next(c for c in session.store.cells() if c.entry.id == "flagged")
    assert cell.value != cell.value
    bits = int(data["quality"].values[gone[0], 5, 6])
    said = [word for bit, word in ((NOT_ADVISED, "not recommended"), (FROZEN, "frozen ground")) if bits & bit]
    assert f"left out: {', '.join(said)}" in session.cell.body.object


def test_a_difference_and_its_numbers_are_of_what_stays(tab: Callable[..., Session], data: xr.Dataset) -> None:
    session = tab(minus="model", quality="recommended")
    other = session.store.opened(session.store.catalog.get("model")).dataset()["sm"].values
    expected = kept(data, NOT_ADVISED) - other
    np.testing.assert_allclose(session.store.comparison.field(2), expected[2], atol=1e-6)
    found = session.store.comparison.statistics()
    assert found.n == np.isfinite(expected).sum()
    assert found.bias == pytest.approx(np.nanmean(expected), abs=1e-6)


def test_a_product_that_does_not_tell_is_shown_whole_and_says_so(tab: Callable[..., Session]) -> None:
    session = tab(product="model", **MASKED)
    store, entry = session.store, session.store.entry
    assert entry is not None
    np.testing.assert_array_equal(store.field(entry, 1), store.opened(entry).read_map("sm", 1))
    assert "does not tell recommended, frozen ground" in session.layers.mask.said.object
    session.layers.choice.value = "flagged"  # the choice is kept for products that can tell
    assert session.layers.mask.quality.value == "recommended"
    assert session.layers.mask.rules.value == ["frozen_ground"]


def test_ticking_a_box_keeps_rules_that_another_product_tells(tab: Callable[..., Session]) -> None:
    session = tab(mask="steep_relief")
    session.layers.mask.rules.value = ["open_water"]
    assert session.selection.masks == "steep_relief,open_water"


def test_the_card_says_the_share_of_the_step_and_of_the_record(tab: Callable[..., Session], data: xr.Dataset) -> None:
    session = tab(**MASKED)
    there, left = np.isfinite(data["sm"].values), np.isfinite(kept(data, NOT_ADVISED | FROZEN))
    step = 100 * (1 - left[2].sum() / there[2].sum())
    record = 100 * (1 - left.sum() / there.sum())
    assert f"{step:.1f} %" in session.layers.mask.said.object
    assert f"{record:.1f} %" in session.layers.mask.said.object
    assert "recommended retrievals without frozen ground" in session.layers.legend.object
    head = session.layers.mask.fold.head
    assert "Mask: recommended retrievals without frozen ground" in head.label
    first, *others = session.layers.mask.rules.options.values()
    session.selection.masks = ",".join([first, *others])
    assert head.label.endswith(f" and {len(others)} more")
    session.selection.param.update(masks="", quality="all")
    assert "Mask: nothing is left out" in head.label


def test_a_saved_map_holds_what_is_seen_and_says_what_was_left_out(
    tab: Callable[..., Session], data: xr.Dataset
) -> None:
    written = map_file(tab(**MASKED).store, "csv").getvalue().decode()
    assert "recommended retrievals without frozen ground" in written
    rows = [line for line in written.splitlines() if line and line[0].isdigit()]
    assert len(rows) == np.isfinite(kept(data, NOT_ADVISED | FROZEN)[2]).sum()


def test_a_variable_that_no_mask_is_applied_to_is_not_called_masked(tab: Callable[..., Session]) -> None:
    session = tab(**MASKED, shown="soil_temperature", hovmoller="view")
    for text in (
        map_file(session.store, "csv").getvalue().decode(), map_file(session.store, "svg").getvalue().decode(),
        session.layers.legend.object, session.hovmoller.note.object,
    ):  # fmt: skip
        assert "retrievals" not in text
        assert "frozen" not in text


def test_what_is_left_out_of_either_side_of_a_difference_is_said_with_its_name(tab: Callable[..., Session]) -> None:
    session = tab(product="model", minus="flagged", hovmoller="view", **MASKED)
    said = "Flagged: recommended retrievals without frozen ground"
    written = map_file(session.store, "csv").getvalue().decode()
    for text in (written, session.layers.legend.object, session.hovmoller.note.object):
        assert said in text
        assert "Model: " not in text
    session.selection.param.update(product="flagged", minus="model")
    assert said in session.layers.legend.object


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("a - model", "Flagged: recommended retrievals without frozen ground"),
        ("a * 2", "recommended retrievals without frozen ground"),
        ("soil_temperature * 2", ""),
        ("a.soil_temperature + soil_temperature", ""),
        ("model * 2", ""),
        ("where(soil_temperature > 273, a, 0)", "recommended retrievals without frozen ground"),
    ],
)
def test_of_a_formula_what_is_left_out_of_its_own_layers_is_said(
    tab: Callable[..., Session], formula: str, said: str
) -> None:
    session = tab(**MASKED)
    session.selection.expression = formula
    assert session.store.formula.is_on, session.store.formula.refusal()
    assert session.store.masks.shown_caption() == said


def test_the_file_of_pairs_says_what_was_left_out_of_them(tab: Callable[..., Session]) -> None:
    session = tab(**MASKED, stations="nets")
    session.store.stations.choose(1)
    written = scatter_file(session.store, "csv", "flagged").getvalue().decode()
    assert "# product: Flagged; recommended retrievals without frozen ground\n" in written
    score = next(one for one in session.store.stations.scores() if one.entry.id == "flagged")
    assert score.notes
    assert all(f"# {note}\n" in written for note in score.notes)
    assert "retrievals" not in scatter_file(session.store, "csv", "model").getvalue().decode().split("\n")[0]


def test_the_line_under_an_embedded_map_names_all_products_and_their_masks(tab: Callable[..., Session]) -> None:
    session = tab(embed="1", minus="real")
    line = session.caption.line
    assert line.object.count('class="badge"') == 1  # Flagged is made up, Real is not
    assert "<b>Real</b> ·" in line.object
    assert "minus" in line.object
    assert "retrievals" not in line.object
    session.selection.param.update(quality="recommended", masks="frozen_ground")
    assert "Flagged: recommended retrievals without frozen ground" in line.object
    session.selection.param.update(product="real", minus="flagged")
    assert line.object.count('class="badge"') == 1
    session.selection.param.update(minus="", product="flagged", aggregate="mean")
    assert "where at least 20 % of the days are valid · recommended retrievals without frozen ground" in line.object


def test_a_station_is_paired_with_what_stays(tab: Callable[..., Session], file: Path) -> None:
    session = tab(**MASKED, stations="nets")
    nets = open_store(file.parent / "nets").dataset().load()
    lat, lon = float(nets["lat"][1]), float(nets["lon"][1])
    session.selection.param.update(point=(lat, lon), sensor=str(nets["sensor"].values[1]))
    score = next(s for s in session.store.stations.scores() if s.entry.id == "flagged")
    sides = side(open_store(file.parent / "flagged").dataset().load(), "flagged"), side(nets.isel(sensor=[1]), "nets")
    masks = Masks(("G",), "recommended", rules=(named("frozen_ground"),))
    pairs = pairs_dataset(match(*sides, MatchOptions(masks)))
    both = np.isfinite(pairs["product"].values[0]) & np.isfinite(pairs["reference"].values[0])
    np.testing.assert_array_equal(score.product, pairs["product"].values[0][both])
    assert 0 < score.n < 6


def test_infer_and_validate_start_from_it(tab: Callable[..., Session]) -> None:
    session = tab(**MASKED)
    asked = session.validate.asked()
    assert (asked.quality, asked.masks) == ("recommended", ("frozen_ground",))
    masks, target, bare = session.store.masks, *(session.store.catalog.get(name) for name in ("flagged", "model"))
    assert masks.for_inference(target) == "recommended"
    session.selection.param.update(quality="attempted", masks="")
    asked = session.validate.asked()
    assert (asked.quality, asked.masks) == ("attempted", ())
    assert masks.for_inference(target) == "attempted"
    assert masks.for_inference(bare) == masks.for_inference(None) == "all"
    session.selection.quality = "all"
    assert masks.for_inference(target) == "recommended"  # what models are trained on


def test_skill_stands_against_coverage_for_ever_stricter_masks(
    tab: Callable[..., Session], data: xr.Dataset, file: Path
) -> None:
    session = tab(**MASKED, stations="nets")
    session.layers.mask._score()
    said = session.layers.mask.curve.object
    nets = open_store(file.parent / "nets").dataset()
    at = [GRID.index(float(lat), float(lon)) for lat, lon in zip(nets["lat"], nets["lon"], strict=True)]
    counts = [
        sum(int(np.isfinite(kept(data, unwanted)[:, int(r), int(c)]).sum()) for r, c in at)
        for unwanted in (0, 2, NOT_ADVISED, NOT_ADVISED | FROZEN)
    ]
    labels = ("all", "attempted", "recommended", "… no frozen ground")
    for label, count in zip(labels, counts, strict=True):
        assert f"<td>{label}</td><td class=number>{100 * count / counts[0]:.1f} %" in said
    assert "sensors of Test stations" in said
    session.selection.masks = ""
    assert session.layers.mask.curve.object == "", "it was of another mask"
    session.selection.collection = ""
    with pytest.raises(MatchError, match="No stations are chosen"):
        session.layers.mask._score()
    assert session.layers.mask.curve.object == ""
