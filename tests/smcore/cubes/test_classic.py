"""Classic NetCDF files that were cut short: the library itself reads zeros there."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pytest

from smcore.cubes.classic import is_complete
from smcore.cubes.sources import open_netcdf
from smcore.errors import ReaderError

FORMATS = ("NETCDF3_CLASSIC", "NETCDF3_64BIT_OFFSET", "NETCDF3_64BIT_DATA")


def write(path: Path, form: str, record_variables: int, steps: int = 3) -> Path:
    with netCDF4.Dataset(path, "w", format=form) as file:
        file.createDimension("time", None)
        file.createDimension("x", 5)
        file.title = "SYNTHETIC"
        file.numbers = np.arange(3, dtype=np.int16)
        file.createVariable("fixed", "f8", ("x",))[:] = 1.0
        for number in range(record_variables):
            variable = file.createVariable(f"record{number}", "i2", ("time", "x"))
            variable.units = "m"
            variable[:] = np.ones((steps, 5)) if steps else np.ones((0, 5))
    return path


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("record_variables", [0, 1, 2])
def test_a_whole_file_is_complete_and_any_shorter_one_is_not(tmp_path: Path, form: str, record_variables: int) -> None:
    path = write(tmp_path / "a.nc", form, record_variables)
    whole = path.read_bytes()
    assert is_complete(path)
    for length in (len(whole) - 4, len(whole) * 9 // 10, len(whole) // 2, 40, 5):
        path.write_bytes(whole[:length])
        assert not is_complete(path), length


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_without_records_is_complete(tmp_path: Path, form: str) -> None:
    assert is_complete(write(tmp_path / "a.nc", form, 2, steps=0))


def test_opening_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nc", "NETCDF3_64BIT_OFFSET", 1)
    path.write_bytes(path.read_bytes()[:-8])
    with netCDF4.Dataset(path) as file:
        assert (file["record0"][-1] == 0).any()  # this is why we look ourselves
    with pytest.raises(ReaderError, match="cut short") as error:
        open_netcdf(path)
    assert error.value.code == "truncated"
