"""SMAP L3 36 and 9 km. The granules are SYNTHETIC (full ones are not at hand); names, types, fill values and the
geolocation are checked against the real DMR of an SPL3SMP v8 granule and the real coordinates of a v9 granule.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smcore.cubes.quality import usable
from smcore.cubes.readers import smap_l3, smap_l3e
from smcore.errors import ReaderError
from smcore.grids import ease
from tests.smcore.cubes.readers import granules
from tests.smcore.cubes.readers.granules import FLOAT_FILL, GROUPS, L3_FIELDS, Overpass, observed, write_daily

M36 = "SMAP_L3_SM_P_20150401_R18290_001.h5"
M09 = "SMAP_L3_SM_P_E_20150401_R18290_001.h5"
READERS = {"M36": (smap_l3, M36), "M09": (smap_l3e, M09)}
DAP = "{http://xml.opendap.org/ns/DAP/4.0#}"


def both_overpasses(seed: int = 1, grid: str = "M36", count: int = 200) -> dict[str, Overpass]:
    rng = np.random.default_rng(seed)
    return {name: observed(rng, "2015-04-01", hour, grid, count) for name, hour in (("am", 13), ("pm", 1))}


# ---- the synthetic structure against the real one ---------------------------------------------------------------


@pytest.mark.parametrize("overpass", ["am", "pm"])
def test_the_synthetic_structure_is_that_of_the_real_granule(realdata: Path, overpass: str) -> None:
    root = ET.parse(realdata / "smap_l3_p36_grid" / "SC_SPL3SMP_008.dmr").getroot()
    group, suffix = GROUPS[overpass]
    (real,) = [one for one in root.findall(f"{DAP}Group") if one.get("name") == group]
    types = {np.float32: "Float32", np.float64: "Float64", np.uint16: "UInt16"}
    for bare, (dtype, attrs) in L3_FIELDS.items():
        (dataset,) = [one for one in real.findall(f"{DAP}{types[dtype]}") if one.get("name") == bare + suffix]
        assert [int(dim.get("size", 0)) for dim in dataset.findall(f"{DAP}Dim")] == [406, 964]
        declared = {a.get("name"): a.findtext(f"{DAP}Value") for a in dataset.findall(f"{DAP}Attribute")}
        if "_FillValue" in declared:  # the AM latitudes and longitudes declare none
            assert float(declared["_FillValue"] or 0) == float(granules.fill_of(dtype))
        for key in ("flag_masks", "flag_meanings"):
            if key in attrs:
                assert declared[key] == attrs[key].decode()
        if "valid_max" in attrs:
            assert float(declared["valid_max"] or 0) == pytest.approx(attrs["valid_max"], abs=1e-6)


@pytest.mark.parametrize("overpass", ["am", "pm"])
def test_rows_and_columns_are_the_real_coordinates_and_fill_values_do_no_harm(realdata: Path, overpass: str) -> None:
    group, suffix = GROUPS[overpass]
    with h5py.File(realdata / "smap_l3_p36_grid" / "SC_SPL3SMP_009_prefetch.nc4") as file:
        lat, lon = file[f"{group}/latitude{suffix}"][:], file[f"{group}/longitude{suffix}"][:]
    known = lat != FLOAT_FILL
    # h5py: 188450 (am) and 181377 (pm) of 391384 cells of 10 April 2015 hold no coordinates
    assert (~known).sum() == {"am": 188450, "pm": 181377}[overpass]
    grid = ease("M36")
    row, column = np.nonzero(known)
    assert np.abs(grid.lat[row] - lat[known]).max() < 1e-5
    assert np.abs(grid.lon[column] - lon[known]).max() < 1.5e-5


def test_a_granule_with_coordinates_only_has_no_soil_moisture(realdata: Path) -> None:
    with pytest.raises(ReaderError, match="has no soil_moisture") as error:
        smap_l3.read([realdata / "smap_l3_p36_grid" / "SC_SPL3SMP_009_prefetch.nc4"])
    assert error.value.code == "missing_variable"


# ---- what is read ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", ["M36", "M09"])
def test_every_written_value_comes_back_in_its_cell(tmp_path: Path, grid: str) -> None:
    module, name = READERS[grid]
    written = both_overpasses(grid=grid)
    cube = module.read([write_daily(tmp_path / name, written, grid=grid)]).dataset
    assert cube.sizes == dict(zip(("time", "y", "x"), (2, *granules.SHAPES[grid]), strict=True))
    assert cube["overpass"].values.tolist() == ["am", "pm"]
    assert cube["time"].values.astype("datetime64[h]").tolist() == [
        np.datetime64("2015-04-01T06").item(),
        np.datetime64("2015-04-01T18").item(),
    ]
    for step, overpass in enumerate(written.values()):
        at = (overpass.rows, overpass.columns)
        moisture, flag = overpass.values["soil_moisture"], overpass.values["retrieval_qual_flag"].astype(int)
        valid = moisture != FLOAT_FILL
        sm = cube["sm"][step].values
        assert np.isfinite(sm).sum() == valid.sum()
        np.testing.assert_array_equal(sm[at], np.where(valid, moisture, np.nan))
        np.testing.assert_array_equal(cube["quality"][step].values[at], np.where(valid, flag, -1))
        np.testing.assert_array_equal(cube["surface_flag"][step].values[at], overpass.values["surface_flag"])
        times = cube["obs_time"][step].values[at]
        seconds = (times[valid] - granules.EPOCH) / np.timedelta64(1, "s")
        np.testing.assert_allclose(seconds, overpass.values["tb_time_seconds"][valid], rtol=0, atol=6e-4)
        assert np.isnat(times[~valid]).all()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(5, 60), row0=st.integers(0, 400), col0=st.integers(0, 950))
def test_writing_and_reading_a_part_of_the_grid_is_an_identity(
    tmp_path: Path, seed: int, count: int, row0: int, col0: int
) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = min(6, 406 - row0), min(14, 964 - col0)
    cells = rng.choice(rows * columns, min(count, rows * columns), replace=False)
    moisture = rng.uniform(0, 1, len(cells)).astype(np.float32)
    moisture[rng.random(len(cells)) < 0.3] = FLOAT_FILL
    seen = Overpass(row0 + cells // columns, col0 + cells % columns, {"soil_moisture": moisture})
    cut = (slice(row0, row0 + rows), slice(col0, col0 + columns))
    cube = smap_l3.read([write_daily(tmp_path / M36, {"am": seen}, cut=cut)]).dataset
    expected = np.full((rows, columns), np.nan, np.float32)
    expected[seen.rows - row0, seen.columns - col0] = np.where(moisture == FLOAT_FILL, np.nan, moisture)
    np.testing.assert_array_equal(cube["sm"][0].values, expected)
    assert (cube.attrs["grid_row0"], cube.attrs["grid_col0"]) == (row0, col0)
    np.testing.assert_array_equal(cube["lat"], ease("M36").lat[cut[0]])


def test_recommended_and_attempted_follow_bits_0_and_1(tmp_path: Path) -> None:
    seen = Overpass(
        np.arange(5),
        np.arange(5),
        {
            "soil_moisture": np.array([0.1, 0.2, 0.3, 0.4, -9999], np.float32),
            "retrieval_qual_flag": np.array([0, 1, 3, 8, 7], np.uint16),
        },
    )
    quality = smap_l3.read([write_daily(tmp_path / M36, {"am": seen})]).dataset["quality"][0].compute()
    assert quality.values[np.arange(5), np.arange(5)].tolist() == [0, 1, 3, 8, -1]
    assert [int(usable(quality, rule).sum()) for rule in ("recommended", "attempted", "all")] == [2, 3, 4]
    assert quality.attrs["flag_meanings"].split()[0] == "retrieval_not_recommended"


def test_a_variant_brings_its_own_flag(tmp_path: Path) -> None:
    written = both_overpasses()
    path = write_daily(tmp_path / M36, written)
    cube = smap_l3.read([path], variable="soil_moisture_scah").dataset
    am = written["am"]
    valid = am.values["soil_moisture"] != FLOAT_FILL
    np.testing.assert_array_equal(
        cube["sm"][0].values[am.rows, am.columns][valid], am.values["soil_moisture_scah"][valid]
    )
    np.testing.assert_array_equal(
        cube["quality"][0].values[am.rows, am.columns][valid], am.values["retrieval_qual_flag_scah"][valid]
    )
    assert cube.attrs["source_variable"] == "soil_moisture_scah"


def test_values_above_valid_max_are_kept_and_a_note_says_so(tmp_path: Path) -> None:
    reading = smap_l3.read([write_daily(tmp_path / M36, both_overpasses())])
    assert float(reading.dataset["sm"].max()) == np.float32(0.78)
    assert "soil_moisture: values above the file's valid_max 0.5 are kept" in reading.notes
    assert reading.dataset["sm"].attrs["source_valid_max"] == 0.5


def test_times_as_text_serve_where_seconds_lack(tmp_path: Path) -> None:
    written = both_overpasses(count=20)
    path = write_daily(tmp_path / M36, written, leave_out=("tb_time_seconds",), utc=True)
    times = smap_l3.read([path]).dataset["obs_time"]
    for step, overpass in enumerate(written.values()):
        valid = overpass.values["soil_moisture"] != FLOAT_FILL
        ours = times[step].values[overpass.rows, overpass.columns][valid]
        theirs = overpass.values["tb_time_seconds"][valid].astype(int)
        np.testing.assert_array_equal((ours - granules.EPOCH).astype("timedelta64[s]").astype(int), theirs)


@pytest.mark.parametrize("as_arrays", [False, True])
def test_the_product_says_its_version_in_whatever_form_the_file_has_it(tmp_path: Path, as_arrays: bool) -> None:
    path = write_daily(tmp_path / M36, both_overpasses(count=10), version="009", attrs_as_arrays=as_arrays)
    attrs = smap_l3.read([path]).dataset.attrs
    assert attrs["product"] == "SMAP SPL3SMP v9"
    assert attrs["doi"] == "10.5067/synthetic"
    assert attrs["synthetic"] == 1


# ---- several files, parts and faults -----------------------------------------------------------------------------


def test_days_come_in_order_and_a_missing_group_is_told(tmp_path: Path) -> None:
    written = both_overpasses(count=10)
    second = write_daily(tmp_path / M36.replace("0401", "0402"), {"am": written["am"]})
    first = write_daily(tmp_path / M36, written)
    reading = smap_l3.read([second, first])
    assert reading.dataset["overpass"].values.tolist() == ["am", "pm", "am"]
    assert "1 of 2 files have no pm group with soil_moisture" in reading.notes


def test_the_later_release_of_a_day_wins(tmp_path: Path) -> None:
    old = write_daily(tmp_path / M36, both_overpasses(1, count=10))
    new = write_daily(tmp_path / M36.replace("R18290_001", "R18290_002"), both_overpasses(2, count=10))
    reading = smap_l3.read([new, old])
    assert reading.sources == (new,)
    assert [(one.path, one.code) for one in reading.skipped] == [(str(old), "superseded")]


def test_files_of_several_versions_are_told(tmp_path: Path) -> None:
    paths = [
        write_daily(tmp_path / M36.replace("0401", day), both_overpasses(count=10), version=version)
        for day, version in (("0401", "008"), ("0402", "009"))
    ]
    assert "files of several versions: SMAP SPL3SMP v8, SMAP SPL3SMP v9" in smap_l3.read(paths).notes


@pytest.mark.parametrize(("module", "grid", "name"), [(smap_l3, "M09", M36), (smap_l3e, "M36", M09)])
def test_granules_of_the_other_grid_are_refused(tmp_path: Path, module: ModuleType, grid: str, name: str) -> None:
    path = write_daily(tmp_path / name, both_overpasses(grid=grid, count=10), grid=grid)
    with pytest.raises(ReaderError, match="The maps are") as error:
        module.read([path])
    assert error.value.code == "wrong_kind"


def test_parts_of_different_places_do_not_mix(tmp_path: Path) -> None:
    def part(day: str, row0: int) -> Path:
        seen = Overpass(np.array([row0]), np.array([50]), {"soil_moisture": np.array([0.2], np.float32)})
        cut = (slice(row0, row0 + 5), slice(50, 60))
        return write_daily(tmp_path / M36.replace("0401", day), {"am": seen}, cut=cut)

    reading = smap_l3.read([part("0401", 100), part("0402", 100), part("0403", 101)])
    assert reading.dataset.sizes["time"] == 2
    assert [one.code for one in reading.skipped] == ["grid_mismatch"]


def test_a_name_without_a_date_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="file name holds no date"):
        smap_l3.read([write_daily(tmp_path / "renamed.h5", both_overpasses(count=10))])


def test_a_name_with_an_impossible_date_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="date in the file name does not exist"):
        smap_l3.read([write_daily(tmp_path / M36.replace("0401", "1341"), both_overpasses(count=10))])


def test_a_damaged_block_is_told_when_it_is_asked_for(tmp_path: Path) -> None:
    path = write_daily(tmp_path / M36, both_overpasses())
    cube = smap_l3.read([path]).dataset
    with h5py.File(path) as file:
        dataset = file["Soil_Moisture_Retrieval_Data_AM/soil_moisture"]
        places = [dataset.id.get_chunk_info(i) for i in range(dataset.id.get_num_chunks())]
    with path.open("r+b") as raw:
        for place in places:
            raw.seek(place.byte_offset)
            raw.write(b"\xff" * place.size)
    with pytest.raises(ReaderError, match="can't be read") as error:
        cube["sm"].compute()
    assert error.value.code == "truncated"
