"""A written file keeps the rules of CF that software relies on; where a checker is installed, it is asked too."""

import re
import subprocess
import sys
from importlib.util import find_spec

import cftime
import netCDF4
import numpy as np
import pytest

from smcore.export.request import Export
from smcore.window import Window

WHAT = {
    "flagged": ("sm", "quality", "obs_time", "clay"),
    "globe": (),
    "nets": (),
    "pixels": (),
}


@pytest.fixture(scope="module")
def files(shelf, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cf")
    for entry_id, variables in WHAT.items():
        Export(shelf.get(entry_id), variables, Window("2018-01-01", "2018-01-03")).write(folder / f"{entry_id}.nc")
    return folder


def faults(file):
    """What breaks CF-1.11 in an open file, by our reading of it (sections in brackets)."""
    found = []
    if file.Conventions != "CF-1.11":
        found.append("Conventions (2.6.1)")
    for name, one in file.variables.items():
        told = {key: one.getncattr(key) for key in one.ncattrs()}
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
            found.append(f"{name}: name (2.3)")
        if name in file.dimensions and not (np.diff(one[:].astype(float)) != 0).all():
            found.append(f"{name}: coordinate repeats (5)")
        if name in file.dimensions and len({np.sign(d) for d in np.diff(one[:].astype(float))}) > 1:
            found.append(f"{name}: coordinate is not monotone (5)")
        fill = told.get("_FillValue")
        if fill is not None and np.asarray(fill).dtype != one.dtype:
            found.append(f"{name}: fill value of another type (2.5.1)")
        if one.dtype is not str and one.dtype.kind == "f" and one.ndim and "units" not in told and "bnds" not in name:
            found.append(f"{name}: no units (3.1)")
        for key in ("coordinates", "ancillary_variables", "grid_mapping", "bounds"):
            found += [f"{name}: {key} names {w}" for w in str(told.get(key, "")).split() if w not in file.variables]
        if "bounds" in told:
            edges, values = file[told["bounds"]][...], one[...]
            inside = (edges.min(axis=-1) <= values) & (values <= edges.max(axis=-1))
            if edges.shape != (*values.shape, 2) or not inside.all():
                found.append(f"{name}: bounds do not hold it (7.1)")
        if "flag_masks" in told:
            masks = np.atleast_1d(told["flag_masks"])
            if masks.dtype != one.dtype or len(masks) != len(told["flag_meanings"].split()):
                found.append(f"{name}: flags (3.5)")
        if " since " in told.get("units", ""):
            cftime.num2date(0, told["units"], told["calendar"])
        for method in re.findall(r"(\w+): (?:mean|point)", told.get("cell_methods", "")):
            if method not in one.dimensions:
                found.append(f"{name}: cell_methods of {method} (7.3)")
        if "grid_mapping" in told and not file[told["grid_mapping"]].grid_mapping_name:
            found.append(f"{name}: grid mapping (5.6)")
    return found


@pytest.mark.parametrize("entry_id", WHAT)
def test_a_file_keeps_the_rules(files, entry_id):
    with netCDF4.Dataset(files / f"{entry_id}.nc") as file:
        file.set_auto_mask(False)
        assert faults(file) == []


def test_daily_means_say_their_day_and_snapshots_their_moment(files):
    with netCDF4.Dataset(files / "globe.nc") as daily, netCDF4.Dataset(files / "flagged.nc") as snapshots:
        assert daily["sm"].cell_methods == "time: mean"
        assert (daily["time_bnds"][:, 1] - daily["time_bnds"][:, 0] == 86400).all()
        assert (daily["time_bnds"][:, 0] == daily["time"][:]).all()
        assert snapshots["sm"].cell_methods == "time: point"
        assert "time_bnds" not in snapshots.variables
        assert snapshots["depth_bnds"][:].tolist() == [0.0, 0.05]
        assert "depth" in snapshots["sm"].coordinates.split()
        assert "depth" not in snapshots["clay"].coordinates.split()
        assert snapshots["overpass"].flag_meanings == "unknown am pm"
        assert snapshots["overpass"][:2].tolist() == [1, 2]


@pytest.mark.parametrize("entry_id", WHAT)
def test_the_compliance_checker_has_no_error(files, entry_id):
    if find_spec("compliance_checker") is None:
        pytest.skip("compliance-checker is not installed")
    said = subprocess.run(
        [sys.executable, "-m", "cchecker", "--test=cf:1.11", "--criteria=lenient", str(files / f"{entry_id}.nc")],
        capture_output=True, text=True,
    ).stdout  # fmt: skip
    known = re.compile(  # it takes the names that this mapping needs letter by letter, and scalars for vectors
        r"^\* \w is a required attribute for grid mapping lambert_cylindrical_equal_area$|depth_bnds specified by depth"
    )
    assert [line for line in said.splitlines() if line.startswith("* ") and not known.search(line)] == []
