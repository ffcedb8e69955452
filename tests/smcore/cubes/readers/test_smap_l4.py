"""SMAP L4 on SYNTHETIC files in the structure of SPL4SMGP (full files are not at hand)."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from smcore.cubes.readers import smap_l4
from smcore.errors import ReaderError
from smcore.grids import ease
from tests.smcore.cubes.readers.granules import FLOAT_FILL, write_l4

NAME = "SMAP_L4_SM_gph_20150401T{}3000_Vv7032_001.h5"
BLOCK = np.linspace(0.01, 0.95, 12, dtype=np.float32).reshape(3, 4)


def test_every_written_value_comes_back_in_its_cell(tmp_path: Path) -> None:
    block = BLOCK.copy()
    block[1, 2] = FLOAT_FILL
    cube = smap_l4.read([write_l4(tmp_path / NAME.format("01"), {"sm_surface": block}, 700, 1200)]).dataset
    values = cube["sm"][0].values
    assert np.isfinite(values).sum() == 11
    np.testing.assert_array_equal(values[700:703, 1200:1204], np.where(block == FLOAT_FILL, np.nan, block))
    np.testing.assert_array_equal(cube["lat"], ease("M09").lat)
    np.testing.assert_array_equal(cube["lon"], ease("M09").lon)


def test_a_mean_is_stamped_with_the_start_of_its_three_hours(tmp_path: Path) -> None:
    paths = [write_l4(tmp_path / NAME.format(hour), {"sm_surface": BLOCK}) for hour in ("22", "01")]
    cube = smap_l4.read(paths).dataset
    assert cube["time"].values.astype("datetime64[m]").astype(str).tolist() == ["2015-04-01T00:00", "2015-04-01T21:00"]
    assert cube.attrs["time_support"] == "mean:3:start"
    assert cube.attrs["kind"] == "modelled"
    assert cube.attrs["synthetic"] == 1


def test_the_root_zone_is_a_layer_of_its_own(tmp_path: Path) -> None:
    path = write_l4(tmp_path / NAME.format("01"), {"sm_surface": BLOCK, "sm_rootzone": BLOCK / 2})
    surface, root = (smap_l4.read([path], variable=name).dataset for name in smap_l4.VARIABLES)
    assert (surface.attrs["layer_m"], root.attrs["layer_m"]) == ("0 0.05", "0 1")
    np.testing.assert_array_equal(root["sm"][0, 700:703, 1200:1204], BLOCK / 2)


def test_an_unknown_variable_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="choose one of: sm_surface, sm_rootzone"):
        smap_l4.read([write_l4(tmp_path / NAME.format("01"), {"sm_surface": BLOCK})], variable="sm_profile")


def test_files_without_the_group_or_the_variable_cost_only_themselves(tmp_path: Path) -> None:
    good = write_l4(tmp_path / NAME.format("01"), {"sm_surface": BLOCK})
    bare = write_l4(tmp_path / NAME.format("04"), {"sm_rootzone": BLOCK})
    foreign, small = tmp_path / NAME.format("07"), tmp_path / NAME.format("10")
    with h5py.File(foreign, "w") as file:
        file["Forecast_Data/sm_surface_forecast"] = BLOCK
    with h5py.File(small, "w") as file:
        file["Geophysical_Data/sm_surface"] = BLOCK
    reading = smap_l4.read([good, bare, foreign, small])
    assert reading.dataset.sizes["time"] == 1
    assert [one.code for one in reading.skipped] == ["missing_variable", "wrong_kind", "wrong_kind"]
