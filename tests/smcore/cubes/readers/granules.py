"""SYNTHETIC SMAP granules, built to the documented structure: full L3 and L4 granules are not at hand.

Group and dataset names, types, fill values and attributes follow the DMR of a real SPL3SMP v8 granule (checked by
``test_smap_l3.py`` where the real files lie) and the SPL4SMGP product specification. The numbers are made up, and
the files say so (attribute ``synthetic``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

FLOAT_FILL, UINT16_FILL = np.float32(-9999.0), np.uint16(65534)
EPOCH = np.datetime64("2000-01-01T12:00:00", "ms")
QUALITY = {
    "flag_masks": np.bytes_("1s, 2s, 4s, 8s"),
    "flag_meanings": np.bytes_("Retrieval_recommended Retrieval_attempted Retrieval_success FT_retrieval_success"),
}

L3_FIELDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "soil_moisture": (np.float32, {"units": "cm**3/cm**3", "valid_min": 0.02, "valid_max": 0.5}),
    "soil_moisture_dca": (np.float32, {"units": "cm**3/cm**3", "valid_min": 0.02, "valid_max": 0.5}),
    "soil_moisture_scah": (np.float32, {"units": "cm**3/cm**3", "valid_min": 0.02, "valid_max": 0.5}),
    "retrieval_qual_flag": (np.uint16, QUALITY),
    "retrieval_qual_flag_dca": (np.uint16, QUALITY),
    "retrieval_qual_flag_scah": (np.uint16, QUALITY),
    "surface_flag": (np.uint16, {}),
    "tb_time_seconds": (np.float64, {"units": "seconds"}),
    "EASE_row_index": (np.uint16, {"valid_min": 0, "valid_max": 405}),
    "EASE_column_index": (np.uint16, {"valid_min": 0, "valid_max": 963}),
    "latitude": (np.float32, {"units": "degrees_north"}),
    "longitude": (np.float32, {"units": "degrees_east"}),
}
GROUPS = {"am": ("Soil_Moisture_Retrieval_Data_AM", ""), "pm": ("Soil_Moisture_Retrieval_Data_PM", "_pm")}
SHAPES = {"M36": (406, 964), "M09": (1624, 3856)}


@dataclass
class Overpass:
    """The observed cells of one group: rows and columns (n,) on the whole grid, and values (n,) of each dataset."""

    rows: NDArray[Any]
    columns: NDArray[Any]
    values: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def fill_of(dtype: Any) -> Any:
    """The products' fill value of a type."""
    return UINT16_FILL if dtype is np.uint16 else dtype(-9999.0)


def write_daily(
    path: Path,
    overpasses: Mapping[str, Overpass],
    *,
    grid: str = "M36",
    cut: tuple[slice, slice] | None = None,
    version: str = "008",
    leave_out: tuple[str, ...] = (),
    utc: bool = False,
    attrs_as_arrays: bool = False,
) -> Path:
    """Write a daily granule; ``cut`` writes a part of the grid only, as subsetting services do."""
    with h5py.File(path, "w") as file:
        file.attrs["synthetic"] = 1
        identification = file.create_group("Metadata/DatasetIdentification")
        identification.attrs["ECSVersionID"] = np.array([version.encode()]) if attrs_as_arrays else version
        file.create_group("Metadata/SeriesIdentification").attrs["identifier_product_DOI"] = "doi:10.5067/SYNTHETIC"
        for name, overpass in overpasses.items():
            group, suffix = GROUPS[name]
            for bare, (dtype, attrs) in L3_FIELDS.items():
                if bare not in leave_out:
                    dataset = _dataset(file, f"{group}/{bare}{suffix}", dtype, grid, cut, overpass, bare)
                    for key, value in attrs.items():
                        dataset.attrs[key] = (
                            np.atleast_1d(np.bytes_(value) if isinstance(value, str) else value)
                            if attrs_as_arrays
                            else value
                        )
            if utc:
                _write_utc(file, f"{group}/tb_time_utc{suffix}", grid, cut, overpass)
    return path


def _dataset(
    file: h5py.File, name: str, dtype: Any, grid: str, cut: tuple[slice, slice] | None, seen: Overpass, bare: str
) -> h5py.Dataset:
    shape, (row0, col0) = SHAPES[grid], (0, 0)
    if cut is not None:
        (row0, rows), (col0, columns) = ((s.start, s.stop) for s in cut)
        shape = (rows - row0, columns - col0)
    fill = fill_of(dtype)
    dataset = file.create_dataset(name, shape, dtype, fillvalue=fill, chunks=(1, shape[1]), compression="gzip")
    dataset.attrs["_FillValue"] = fill
    values = _values(seen, bare)
    if values is not None and len(seen.rows):
        for row in np.unique(seen.rows):
            line = dataset[row - row0]
            here = seen.rows == row
            line[seen.columns[here] - col0] = values[here]
            dataset[row - row0] = line
    return dataset


def _values(seen: Overpass, bare: str) -> NDArray[Any] | None:
    if bare in seen.values:
        return seen.values[bare]
    return {"EASE_row_index": seen.rows, "EASE_column_index": seen.columns}.get(bare)


def _write_utc(file: h5py.File, name: str, grid: str, cut: tuple[slice, slice] | None, seen: Overpass) -> None:
    assert cut is None
    text = np.full(SHAPES[grid], b"N/A", dtype="S24")
    times = EPOCH + np.rint(seen.values["tb_time_seconds"] * 1000).astype("timedelta64[ms]")
    text[seen.rows, seen.columns] = [f"{str(t)[:19]}.***Z".encode() for t in times]
    file.create_dataset(name, data=text, compression="gzip")


def observed(rng: np.random.Generator, date: str, hour: int, grid: str = "M36", count: int = 200) -> Overpass:
    """Made-up observations of some cells: a fifth without a retrieval, three above ``valid_max``."""
    rows, columns = SHAPES[grid]
    cells = rng.choice(min(rows * columns, 60_000), count, replace=False)  # the northern rows, for speed
    moisture = rng.uniform(0.02, 0.5, count).astype(np.float32)
    moisture[:3] = (0.51, 0.6, 0.78)
    moisture[count - count // 5 :] = FLOAT_FILL
    quality = rng.choice(np.array([0, 1, 8, 9], np.uint16), count)
    quality[moisture == FLOAT_FILL] = 7
    seconds = (np.datetime64(date, "ms") - EPOCH) / np.timedelta64(1, "s") + 3600 * hour
    return Overpass(
        cells // columns,
        cells % columns,
        {
            "soil_moisture": moisture,
            "soil_moisture_dca": moisture,
            "soil_moisture_scah": np.where(moisture == FLOAT_FILL, moisture, moisture * np.float32(0.5)),
            "retrieval_qual_flag": quality,
            "retrieval_qual_flag_dca": quality,
            "retrieval_qual_flag_scah": np.where(quality == 0, 1, quality).astype(np.uint16),
            "surface_flag": rng.integers(0, 4096, count).astype(np.uint16),
            "tb_time_seconds": seconds + np.round(rng.uniform(0, 5400, count), 3),
        },
    )


def write_l4(path: Path, values: Mapping[str, NDArray[np.float32]], row: int = 700, column: int = 1200) -> Path:
    """Write a 3-hourly L4 file: whole M09 maps, missing but for a block of ``values`` at ``row``, ``column``."""
    with h5py.File(path, "w") as file:
        file.attrs["synthetic"] = 1
        for name, block in values.items():
            dataset = file.create_dataset(
                f"Geophysical_Data/{name}", SHAPES["M09"], np.float32, fillvalue=FLOAT_FILL, chunks=(64, 964)
            )
            dataset.attrs.update({"_FillValue": FLOAT_FILL, "units": "m3 m-3", "valid_min": 0.0, "valid_max": 0.9})
            dataset[row : row + block.shape[0], column : column + block.shape[1]] = block
    return path
