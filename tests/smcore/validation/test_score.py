"""Scores and their tables: values, statuses, pooled and median, one bad location."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from smcore.errors import Cancelled, ReaderError, Status
from smcore.validation.matching.match import MatchOptions, match
from smcore.validation.matching.sides import Masks, side
from smcore.validation.metrics import METRICS
from smcore.validation.runs.fields import STATUS_CODES, combined_fields, score_fields
from smcore.validation.runs.table import COLUMNS, STEP_COLUMNS, score_table, step_table
from smcore.validation.score import MEDIAN, POOLED, Score, ScoreOptions, score, score_pairs

Make = Callable[..., xr.Dataset]
LAT, LON = 34.0, -105.0


def hours(start: str, count: int, step: int = 1) -> np.ndarray:
    return np.datetime64(start, "ns") + np.arange(count) * np.timedelta64(step, "h")


def scored(product: xr.Dataset, reference: xr.Dataset, *, quality: str = "all", **known: Any) -> Score:
    options = MatchOptions(Masks(quality=quality), max_distance_km=known.pop("max_distance_km", 100.0))
    return score(
        match(side(product, "p"), side(reference, "r"), options), ScoreOptions(**known.pop("how", {})), **known
    )


def cell(table: pd.DataFrame, location: str, metric: str) -> pd.Series:
    found = table[(table["location"] == location) & (table["metric"] == metric)]
    assert len(found) == 1
    return found.iloc[0]


@pytest.fixture
def mixed(make_pixels: Make, make_stations: Make) -> Score:
    """Five sensors: good, too few, stuck, empty, out of reach."""
    time = hours("2020-01-01", 100)
    rng = np.random.default_rng(0)
    product = rng.normal(0.25, 0.05, 100)
    sensors = np.tile(product + rng.normal(0.01, 0.02, 100), (5, 1))
    sensors[1, 9:] = np.nan
    sensors[2] = 0.3
    sensors[3] = np.nan
    stations = make_stations(sensors, time, [LAT, LAT, LAT, LAT, LAT + 5], LON, station=list("ABCDE"))
    return scored(make_pixels([product], time, LAT, LON), stations)


def test_every_location_has_its_status_and_the_good_one_its_numbers(mixed: Score) -> None:
    table = score_table([mixed])
    assert tuple(table.columns) == COLUMNS
    statuses = {name: cell(table, name, "pearson_r")["status"] for name in "ABCDE"}
    assert statuses == {
        "A": "ok", "B": "too_few", "C": "constant_series", "D": "no_overlap", "E": "out_of_grid",
    }  # fmt: skip
    block = mixed.matched.block(np.array([0])).pairs
    assert cell(table, "A", "pearson_r")["value"] == pytest.approx(
        stats.pearsonr(block.product[0], block.reference[0]).statistic, abs=1e-12
    )
    assert cell(table, "C", "bias")["status"] == "ok"
    assert table.loc[(table["status"] != "ok") & (table["metric"] != "n"), "value"].isna().all()
    assert cell(table, "B", "n")[["value", "n", "status"]].tolist() == [9.0, 9, "too_few"]
    assert cell(table, "E", "bias")["note"].startswith("nearest location is 5")
    assert cell(table, "B", "bias")["note"] == "9 pairs, 10 needed"


def test_the_table_ends_with_pooled_and_median_and_intervals_stand_beside_usable_values_only(mixed: Score) -> None:
    table = score_table([mixed])
    assert table["location"].tolist()[-2 * len(METRICS) :] == [POOLED] * len(METRICS) + [MEDIAN] * len(METRICS)
    unusable = table[(table["status"] != "ok") | table["location"].isin([POOLED, MEDIAN])]
    assert unusable[["lower", "upper", "n_eff"]].isna().all().all()
    good = table[(table["location"] == "A") & table["metric"].isin(["pearson_r", "bias", "ubrmsd"])]
    assert (good["lower"] < good["value"]).all()
    assert (good["value"] < good["upper"]).all()
    assert set(good["interval"]) == {"analytic"}
    assert table.columns[:14].tolist() == [
        "location", "sensor", "metric", "value", "lower", "upper", "n", "n_eff", "status",
        "product", "reference", "depth_from", "depth_to", "distance_km",
    ]  # fmt: skip


def test_pooled_is_one_sample_of_all_pairs_and_median_is_over_ok_locations(mixed: Score) -> None:
    pairs = mixed.matched.block(np.arange(5)).pairs
    valid = np.isfinite(pairs.product)
    x, y = pairs.product[valid], pairs.reference[valid]
    assert mixed.pooled["n"].value == mixed.pooled["bias"].n == valid.sum() == 209
    assert mixed.pooled["bias"].value == pytest.approx((x - y).mean(), abs=1e-14)
    assert mixed.pooled["spearman_r"].value == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)
    ok = [mixed.values["bias"][0], mixed.values["bias"][2]]
    assert mixed.median["bias"].value == pytest.approx(np.median(ok), abs=1e-15)
    assert mixed.median["bias"].n == 2
    assert mixed.median["pearson_r"].n == 1


def test_other_units_leave_correlations_and_name_the_mismatch(make_pixels: Make, make_stations: Make) -> None:
    time = hours("2020-01-01", 50)
    wet = np.random.default_rng(0).random(50)
    product = make_pixels([100 * wet], time, LAT, LON)
    product["sm"].attrs["units"] = "%"
    result = scored(product, make_stations(wet / 2, time, LAT, LON))
    status = {name: result.status[name][0] for name in METRICS}
    without_unit = {name for name, metric in METRICS.items() if not metric.needs_same_unit}
    assert {"n", "pearson_r", "spearman_r", "pod_dry"} <= without_unit
    assert not {"bias", "rmsd", "ubrmsd", "mse_bias", "nse", "kge", "slope"} & without_unit
    assert status == {name: "ok" if name in without_unit else "unit_mismatch" for name in METRICS}
    assert result.values["pearson_r"][0] == pytest.approx(1, abs=1e-6)
    assert np.isnan(result.values["bias"][0])
    assert result.pooled["rmsd"].status == result.median["rmsd"].status == Status.UNIT_MISMATCH
    assert "product in %" in score_table([result]).query("metric == 'bias'")["note"].iloc[0]


def test_without_a_recommended_retrieval_the_answer_is_a_sentence(make_pixels: Make, make_stations: Make) -> None:
    time = hours("2020-01-01", 50)
    product = make_pixels([np.arange(50)], time, LAT, LON, kind="observed")
    attrs = {"recommended_bits": 1, "attempted_bits": 2}
    product["quality"] = (("location", "time"), np.ones((1, 50), np.int32), attrs)
    stations = make_stations(np.arange(50), time, LAT, LON)
    result = scored(product, stations, quality="recommended")
    table = score_table([result])
    assert set(table["status"]) == {"none_recommended"}
    assert table.loc[table["metric"] != "n", "value"].isna().all()
    assert (table["note"] == "no data: 0 of 50 retrievals are recommended").all()
    assert (table["recommended_share"] == 0).all()
    everything = scored(product, stations)
    assert everything.pooled["pearson_r"].value == pytest.approx(1)
    assert everything.recommended("product") == (0, 50)


def test_one_location_that_cannot_be_read_costs_no_other(make_pixels: Make, make_stations: Make) -> None:
    time = hours("2020-01-01", 30)
    values = np.random.default_rng(0).random((3, 30))
    pixels = side(make_pixels(values, time, [0, 10, 20], 0), "p")

    def fails_on_the_second(variable: str, where: np.ndarray, steps: slice) -> np.ndarray:
        if 1 in where:
            raise ReaderError("The chunk is damaged", where="c/0/1")
        return pixels.fetch(variable, where, steps)

    broken = side(make_pixels(values, time, [0, 10, 20], 0), "p", fetch=fails_on_the_second)
    stations = side(make_stations(values, time, [0, 10, 20], 0), "r")
    result = score(match(broken, stations, MatchOptions(max_distance_km=1)))
    assert result.status["n"].tolist() == ["ok", "failed", "ok"]
    assert result.errors == {1: "The chunk is damaged (c/0/1)"}
    assert result.values["pearson_r"][[0, 2]] == pytest.approx(1)
    assert "damaged" in score_table([result]).query("location == 'S1'")["note"].iloc[0]
    assert result.pooled["n"].value == 60


def test_all_values_missing_is_no_overlap(make_pixels: Make, make_stations: Make) -> None:
    time = hours("2020-01-01", 30)
    result = scored(make_pixels(np.full((1, 30), np.nan), time, LAT, LON), make_stations(np.zeros(30), time, LAT, LON))
    assert result.status["bias"].tolist() == ["no_overlap"]
    assert result.pooled["n"].value == 0
    assert result.pooled["bias"].status == Status.NO_OVERLAP
    note = score_table([result])["note"].iloc[0]
    assert note == "the product has no value here in the common period"


def test_days_are_scored_over_space_and_end_with_the_pooled_figure(make_cube: Make) -> None:
    time = hours("2020-01-01", 5, 24)
    rng = np.random.default_rng(0)
    a, b = rng.random((5, 4, 6)).astype("f4"), rng.random((5, 4, 6)).astype("f4")
    a[2, :, 1:] = np.nan
    a[3] = np.nan
    result = scored(
        make_cube(a, time, time_support="day-mean"), make_cube(b, time, time_support="day-mean"), how={"per_day": True}
    )
    table = step_table([result])
    assert tuple(table.columns) == STEP_COLUMNS
    assert list(dict.fromkeys(table["time"])) == ["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-05", POOLED]
    first = table[table["time"] == "2020-01-01"].set_index("metric")
    x, y = a[0].ravel().astype(float), b[0].ravel().astype(float)
    assert first.loc["n", "n"] == 24
    assert first.loc["pearson_r", "value"] == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-12)
    assert first.loc["ubrmsd", "value"] == pytest.approx(np.std(x - y), abs=1e-12)
    assert table.query("time == '2020-01-03' and metric == 'bias'")["status"].item() == "too_few"
    assert table.query("time == @POOLED and metric == 'n'")["value"].item() == 24 * 3 + 4


def test_cells_of_a_grid_are_fields_and_not_rows(make_cube: Make) -> None:
    time = hours("2020-01-01", 30)
    rng = np.random.default_rng(0)
    a, b = rng.random((30, 4, 6)).astype("f4"), rng.random((30, 4, 6)).astype("f4")
    a[:, 1, 2] = np.nan
    result = scored(make_cube(a, time), make_cube(b, time), max_distance_km=None)
    assert score_table([result])["location"].tolist() == [POOLED] * len(METRICS) + [MEDIAN] * len(METRICS)
    fields = score_fields(result)
    assert fields["pearson_r"].dims == ("y", "x")
    assert fields["pearson_r"].attrs["units"] == "1"
    assert fields["bias"].attrs["units"] == "m3 m-3"
    assert fields["pearson_r"].values[3, 5] == pytest.approx(
        stats.pearsonr(a[:, 3, 5].astype(float), b[:, 3, 5].astype(float)).statistic, abs=1e-12
    )
    assert np.isnan(fields["pearson_r"].values[1, 2])
    assert fields["pearson_r_status"].values[1, 2] == STATUS_CODES[Status.NO_OVERLAP]
    meanings = fields["pearson_r_status"].attrs["flag_meanings"].split()
    assert meanings[STATUS_CODES[Status.NO_OVERLAP]] == "no_overlap"


def test_several_products_share_a_file_whether_or_not_they_share_a_grid(make_cube: Make, make_pixels: Make) -> None:
    time = hours("2020-01-01", 30)
    reference = make_cube(np.arange(30), time)
    first = scored(make_cube(np.arange(30), time), reference)
    second = scored(make_cube(np.arange(30) + 1, time), reference)
    second = Score(
        **{**vars(second), "matched": match(side(make_cube(np.arange(30), time), "q"), side(reference, "r"))}
    )
    together = combined_fields([first, second])[""]
    assert together["bias"].dims == ("product", "y", "x")
    assert together["product"].values.tolist() == ["p", "q"]
    pixels = scored(make_pixels(np.arange(30), time, 34, -105), reference, max_distance_km=2000)
    assert set(combined_fields([second, pixels])) == {"q", "p"}
    table = score_table([second, pixels])
    many = len(METRICS)
    assert table["location"].tolist()[-4 * many :] == [POOLED] * 2 * many + [MEDIAN] * 2 * many
    assert table["product"].tolist()[-4 * many :] == (["q"] * many + ["p"] * many) * 2


def test_a_sample_beyond_the_limit_is_thinned_evenly_and_says_so(
    make_pixels: Make, make_stations: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smcore.validation.pooling.POOL_LIMIT", 40)
    time = hours("2020-01-01", 100)
    values = np.arange(100.0)
    result = scored(make_pixels([values], time, LAT, LON), make_stations(values, time, LAT, LON))
    assert result.pool_stride == 3
    assert result.pooled["spearman_r"].n == 34
    assert score_table([result]).query("location == @POOLED")["note"].iloc[2] == "of one pair in 3"


def test_a_thinned_sample_keeps_every_day_at_some_locations(
    make_pixels: Make, make_stations: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smcore.validation.pooling.POOL_LIMIT", 400)
    time = np.datetime64("2020-01-01", "ns") + np.arange(40) * np.timedelta64(1, "D")
    values = np.random.default_rng(2).normal(0.2, 0.05, (100, 40))
    lat = np.linspace(10, 20, 100)
    matched = match(side(make_pixels(values, time, lat, LON), "p"), side(make_pixels(values, time, lat, LON), "r"),
                    MatchOptions(max_distance_km=1.0))  # fmt: skip
    result = score(matched, ScoreOptions(per_day=True))
    assert result.pool_stride == 10
    assert result.days is not None
    count = result.days.query("metric == 'n'")["n"]
    assert len(count) == 40
    assert count.between(8, 12).all()


def test_one_sample_of_pairs_is_scored_like_a_location() -> None:
    x, y = np.array([0.1, 0.2, np.nan, 0.4]), np.array([0.1, 0.3, 0.3, 0.5])
    few = score_pairs(x, y)
    assert few["bias"].status == Status.TOO_FEW
    assert few["n"].value == 3
    enough = score_pairs(x, y, min_obs=3)
    assert enough["bias"].value == pytest.approx(-0.2 / 3)
    assert score_pairs(x, y, min_obs=3, same_units=False)["bias"].status == Status.UNIT_MISMATCH


def test_a_request_to_stop_is_followed(make_pixels: Make, make_stations: Make) -> None:
    time = hours("2020-01-01", 30)
    data = make_pixels([np.zeros(30)], time, LAT, LON), make_stations(np.zeros(30), time, LAT, LON)
    with pytest.raises(Cancelled):
        scored(*data, cancelled=lambda: True)
