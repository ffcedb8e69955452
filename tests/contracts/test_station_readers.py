"""What every station reader must do; a new file in ``smcore/stations/readers`` is tested by existing."""

from __future__ import annotations

import fnmatch
import inspect
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from smcore import names, plugins
from smcore.cubes.sources import Reading
from smcore.errors import ReaderError
from smcore.stations import flags
from smcore.stations.collection import FLAG_OF, check_collection

PACKAGE = "smcore.stations.readers"
KINDS = plugins.names(PACKAGE)
ISMN = "N/S/N_N_S_sm_0.050000_0.050000_Probe_20200101_20200201.stm"
EXAMPLES = {  # one small valid file a kind, by its name
    "ismn": (ISMN, "N N S 48.1 -16.2 100.0 0.05 0.05 Probe\n2020/01/01 00:00 0.25 G M\n2020/01/02 00:00 0.26 D01 M\n"),
    "uscrn": (
        "KS_Farm_6_SSW.csv",
        "WBANNO,LST_DATE,LONGITUDE,LATITUDE,SOIL_MOISTURE_5_DAILY\n1,20200101,-16.2,48.1,0.25\n1,20200102,-16.2,48.1,0.26\n",
    ),
    "stations-csv": (
        "own.csv",
        "time,lat,lon,depth,sm\n2020-01-01,48.1,-16.2,.05,.25\n2020-01-02,48.1,-16.2,.05,.26\n",
    ),
}


@pytest.fixture(params=KINDS)
def reader(request: pytest.FixtureRequest) -> ModuleType:
    return plugins.load(PACKAGE, request.param, ("KIND", "TITLE", "PATTERNS", "read"))


@pytest.fixture
def example(reader: ModuleType, tmp_path: Path) -> Path:
    name, content = EXAMPLES[reader.KIND]
    path = tmp_path / "good" / name
    path.parent.mkdir(parents=True)
    path.write_text(content)
    return path


def test_a_kind_is_named_as_its_file_and_says_what_it_reads(reader: ModuleType) -> None:
    assert reader.KIND in KINDS
    assert reader.TITLE
    assert reader.PATTERNS
    assert all(isinstance(pattern, str) for pattern in reader.PATTERNS)
    assert reader.__doc__


def test_read_takes_paths_and_columns(reader: ModuleType) -> None:
    parameters = inspect.signature(reader.read).parameters
    assert list(parameters) == ["paths", "columns"]
    assert parameters["columns"].kind is inspect.Parameter.KEYWORD_ONLY
    assert parameters["columns"].default is None


def test_the_example_matches_a_pattern(reader: ModuleType, example: Path) -> None:
    assert any(fnmatch.fnmatch(example.name, pattern) for pattern in reader.PATTERNS)


def test_a_reading_keeps_the_data_model(reader: ModuleType, example: Path) -> None:
    reading = reader.read([example])
    assert isinstance(reading, Reading)
    data = check_collection(reading.dataset)
    assert data.sizes == {"sensor": 1, "time": 2}
    np.testing.assert_allclose(data["sm"].values, [[0.25, 0.26]], rtol=1e-6)
    assert (data["lat"].item(), data["lon"].item(), data["depth_from"].item()) == (48.1, -16.2, 0.05)
    assert data["time"].dtype == "datetime64[ns]"
    assert data["sm"].dtype == np.float32
    assert data.attrs["kind"] == "stations"
    assert {"time_support", "licence", "citation", "product", "inputs"} <= data.attrs.keys()
    for name, flag in FLAG_OF.items():
        if name in data:
            assert data[name].attrs["units"] == names.VARIABLES[name].units
            assert data[flag].attrs["flag_meanings"].split() == list(flags.CODES)
            assert data[flag].attrs["flag_masks"] == list(flags.MASKS.values())


def test_a_collection_survives_a_netcdf_file(reader: ModuleType, example: Path, tmp_path: Path) -> None:
    import xarray as xr

    data = reader.read([example]).dataset
    data.to_netcdf(tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc") as back:
        np.testing.assert_array_equal(back["sm"].values, data["sm"].values)
        np.testing.assert_array_equal(back["flag"].values, data["flag"].values)
        assert back["sensor"].values.tolist() == data["sensor"].values.tolist()


def test_files_folders_and_zips_give_the_same(reader: ModuleType, example: Path, tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(example, example.relative_to(tmp_path / "good"))
    expected = reader.read([example]).dataset
    for source in (tmp_path / "good", archive):
        data = reader.read([source]).dataset
        np.testing.assert_array_equal(data["sm"].values, expected["sm"].values)
        assert data["sensor"].values.tolist() == expected["sensor"].values.tolist()


def test_a_bad_file_costs_no_other(reader: ModuleType, example: Path) -> None:
    bad = example.with_name(example.name.replace("S_sm", "T_sm").replace("KS_", "AK_").replace("own", "other"))
    bad.write_bytes(b"\x01\x02 nothing of the kind")
    reading = reader.read([bad, example])
    assert reading.dataset.sizes["sensor"] == 1
    assert [skipped.path for skipped in reading.skipped] == [str(bad)]
    assert reading.skipped[0].code
    assert reading.skipped[0].reason


def test_nothing_readable_is_one_sentence(reader: ModuleType, example: Path) -> None:
    example.write_bytes(b"\x01\x02 nothing of the kind")
    with pytest.raises(ReaderError) as caught:
        reader.read([example])
    assert "\n" not in str(caught.value)
    assert str(example) in str(caught.value)


def test_a_missing_path_is_not_found(reader: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ReaderError) as caught:
        reader.read([tmp_path / "nowhere"])
    assert caught.value.code == "not_found"


def test_a_zip_that_points_outside_is_refused(reader: ModuleType, example: Path, tmp_path: Path) -> None:
    archive = tmp_path / "evil.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(f"../../{example.name}", example.read_bytes())
    with pytest.raises(ReaderError, match="outside the archive"):
        reader.read([archive])


def test_no_reader_loads_torch_numba_or_the_app() -> None:
    imports = "; ".join(f"import {PACKAGE}.{kind.replace('-', '_')}" for kind in KINDS)
    check = "import sys; print([m for m in ('torch', 'numba', 'panel', 'param', 'bokeh', 'ismn') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", f"{imports}; {check}"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
