"""What each pattern of the gap test hides, against masks made by hand."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from smcore.errors import MatchError
from smcore.roles import Source
from smcore.validation.gaps.patterns import PATTERNS, Evidence, hide, outage, swath, winter

HALVES = {"west": [1, 1, 1, 0, 0, 0], "east": [0, 0, 0, 1, 1, 1], "most": [1, 1, 1, 1, 1, 0], "none": [0] * 6}


def days(count: int, start: str = "2019-01-01") -> np.ndarray:
    return np.datetime64(start, "D") + np.arange(count)


def seen(*names: str) -> np.ndarray:
    return np.array([HALVES[name] for name in names], bool)


def no_evidence() -> Evidence:
    raise AssertionError("this pattern looks at no other data")


def choose(pattern: str, observed: np.ndarray, share: float = 0.1, seed: int = 0, evidence=no_evidence) -> np.ndarray:
    return hide(pattern, observed, days(len(observed)), share=share, seed=seed, evidence=evidence).mask


def evidence_of(fields: dict[str, np.ndarray], attrs: dict[str, dict] | None = None, steps: int = 40) -> Evidence:
    """Evidence about six pixels; fields run (location, time) or (location)."""
    variables = {}
    for name, values in fields.items():
        dims = ("location", "time") if values.ndim == 2 else ("location",)
        variables[name] = (dims, values, (attrs or {}).get(name, {}))
    coords = {
        "time": days(steps).astype("datetime64[ns]"),
        "lat": ("location", np.linspace(40, 45, 6)),
        "lon": ("location", np.linspace(0, 5, 6)),
    }
    data = xr.Dataset(variables, coords, {"time_support": "day-mean"})
    return Evidence([Source("x", frozenset({"forcing"}), data)], data["lat"].values, data["lon"].values, days(steps))


def test_a_swath_hides_what_another_day_of_the_month_did_not_observe():
    # Only the day that saw five cells can lose some to another day's gap and keep others: 2 of 5 to the west half;
    # the east half would take 3 of 5. Both halves lose all or nothing to one another, which is no swath.
    observed = seen("most", "west", "none", "west", "west")
    mask = choose("swath", observed)
    np.testing.assert_array_equal(mask[0], [0, 0, 0, 1, 1, 0])
    assert not mask[1:].any()


def test_a_day_of_another_month_lends_no_swath():
    observed = seen("most", "west")
    time = np.array(["2019-01-05", "2019-02-05"], "datetime64[D]")
    assert not swath(observed, time, share=0.1, seed=0).mask.any()


def test_a_day_of_the_same_month_of_another_year_lends_its_swath():
    observed = seen("most", "west")
    time = np.array(["2019-01-05", "2021-01-20"], "datetime64[D]")
    np.testing.assert_array_equal(swath(observed, time, share=0.1, seed=0).mask[0], [0, 0, 0, 1, 1, 0])


def test_every_swath_is_a_gap_that_a_day_of_its_month_really_had():
    observed = np.random.default_rng(4).random((90, 50)) < 0.6
    time = days(90)
    mask = choose("swath", observed, share=0.2)
    month = time.astype("datetime64[M]")
    for day in np.flatnonzero(mask.any(axis=1)):
        others = [t for t in range(90) if t != day and month[t] == month[day]]
        assert any((mask[day] == (observed[day] & ~observed[t])).all() for t in others)
    assert 0.2 <= mask.sum() / observed.sum() < 0.22


def test_a_share_out_of_reach_is_said():
    found = swath(np.random.default_rng(4).random((60, 50)) < 0.6, days(60), share=0.9, seed=0)
    assert "could be hidden" in found.notes[0]


@pytest.mark.parametrize("length", [7, 15, 35])
def test_an_outage_hides_every_cell_for_its_days_and_leaves_a_day_on_either_side(length):
    observed = np.random.default_rng(2).random((200, 9)) < 0.5
    mask = choose(f"outage-{length}", observed, share=0.2)
    gone = mask.any(axis=1)
    starts = np.flatnonzero(np.diff(np.r_[0, gone.astype(int)]) == 1)
    for start in starts:
        np.testing.assert_array_equal(mask[start : start + length], observed[start : start + length])
    assert not mask[0].any()
    assert not mask[-1].any()
    assert abs(len(starts) * length - 0.2 * 200) <= length


def test_outages_lie_apart_by_their_own_length():
    for seed in range(20):
        mask = outage(np.ones((120, 3), bool), days(120), 7, share=0.3, seed=seed).mask
        gone = np.flatnonzero(mask.any(axis=1))
        breaks = np.diff(gone)[np.diff(gone) > 1]
        assert (breaks > 7).all()


def test_outages_that_find_no_room_are_counted():
    found = outage(np.ones((40, 3), bool), days(40), 7, share=0.8, seed=0)
    assert "there was room for" in found.notes[-1]
    assert found.mask.any(axis=1).sum() <= 2 * 7


def test_a_record_without_room_for_an_outage_is_refused():
    with pytest.raises(MatchError, match="A record of 20 days has no room for an outage of 35"):
        choose("outage-35", np.ones((20, 4), bool))


def test_a_winter_closes_over_a_short_thaw_but_not_over_a_summer():
    frozen = np.zeros((60, 1), bool)
    frozen[[5, 18, 50], 0] = True
    expected = np.zeros(60, bool)
    expected[5:19] = True
    expected[50] = True
    np.testing.assert_array_equal(winter(frozen)[:, 0], expected)


def test_frozen_hides_by_soil_temperature():
    warm = np.full((6, 40), 280.0)
    warm[2, 10:13] = 270.0
    mask = choose("frozen", np.ones((40, 6), bool), evidence=lambda: evidence_of({"soil_temperature": warm}))
    assert set(zip(*np.nonzero(mask), strict=True)) == {(10, 2), (11, 2), (12, 2)}


def test_frozen_hides_by_a_bit_of_the_flags():
    flag = np.zeros((6, 40), np.int32)
    flag[1, 7], flag[3, 9], flag[4, 9] = 256, 4, -1
    about = {"flag_masks": [4, 256], "flag_meanings": "coastal_proximity radiometer_frozen_ground"}
    evidence = evidence_of({"surface_flag": flag}, {"surface_flag": about})
    mask = choose("frozen", np.ones((40, 6), bool), evidence=lambda: evidence)
    assert set(zip(*np.nonzero(mask), strict=True)) == {(7, 1)}


def test_frozen_without_any_word_on_frost_is_refused():
    with pytest.raises(MatchError, match="Nothing says where the ground is frozen"):
        choose("frozen", np.ones((40, 6), bool), evidence=lambda: evidence_of({"clay": np.ones(6)}))


@pytest.mark.parametrize("steps", [True, False])
def test_dense_vegetation_hides_all_days_of_its_cells(steps):
    if steps:
        water = np.full((6, 40), 1.0)
        water[4, :25], water[5, :15] = 6.0, 6.0  # dense on most days, and on few
        fields = {"vegetation_water": water}
    else:
        fields = {"vegetation_density": np.array([0, 0, 0.2, 0, 1.0, np.nan])}
    observed = np.random.default_rng(0).random((40, 6)) < 0.7
    mask = choose("dense-vegetation", observed, evidence=lambda: evidence_of(fields))
    np.testing.assert_array_equal(mask[:, 4], observed[:, 4])
    assert not mask[:, [0, 1, 2, 3, 5]].any()


def test_a_pattern_that_leaves_nothing_is_refused():
    with pytest.raises(MatchError, match="would hide every observed value"):
        choose(
            "dense-vegetation", np.ones((40, 6), bool), evidence=lambda: evidence_of({"vegetation_density": np.ones(6)})
        )


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 2.0, float("nan")])
def test_a_share_that_hides_nothing_or_all_is_refused(share):
    with pytest.raises(MatchError, match="can't be hidden"):
        choose("swath", np.ones((9, 4), bool), share=share)


def test_nothing_observed_is_refused():
    with pytest.raises(MatchError, match="Nothing is observed"):
        choose("swath", np.zeros((9, 4), bool))


def test_an_unknown_pattern_is_refused_with_the_known_ones():
    with pytest.raises(MatchError, match="outage-35"):
        choose("clouds", np.ones((9, 4), bool))


def test_days_that_are_all_alike_give_no_swath():
    with pytest.raises(MatchError, match="hides no observed value"):
        choose("swath", np.ones((30, 4), bool))


@pytest.mark.parametrize("pattern", [p for p in PATTERNS if p not in ("frozen", "dense-vegetation")])
def test_the_same_seed_hides_the_same_and_another_one_does_not(pattern):
    observed = np.random.default_rng(1).random((200, 30)) < 0.6
    np.testing.assert_array_equal(choose(pattern, observed, seed=3), choose(pattern, observed, seed=3))
    assert (choose(pattern, observed, seed=3) != choose(pattern, observed, seed=4)).any()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_is_not_observed_is_never_hidden(pattern):
    observed = np.random.default_rng(1).random((40, 6)) < 0.6
    cold = np.where(np.arange(40) < 20, 270.0, 280.0) * np.ones((6, 1))
    fields = {"soil_temperature": cold, "vegetation_density": np.array([1.0, 0, 0, 0, 0, 0])}
    if pattern == "outage-35":
        observed[0] = observed[-1] = True
    mask = choose(pattern, observed, evidence=lambda: evidence_of(fields))
    assert not (mask & ~observed).any()
