"""Pairs of a run as files: one NetCDF a product, CF's contiguous ragged array (CF 1.11, section H.6.1).

Values are kept as float32 where that loses nothing, else as float64, so that what is read is what was written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore.errors import StoreError
from smcore.validation.runs.run_pairs import MOST_PAIRS, ProductPairs

_TIME: Final = "microseconds since 1970-01-01 00:00:00"
_COMPRESSED: Final = {"zlib": True, "complevel": 4, "shuffle": True}
_LONGEST_TEXT: Final = 300


def write_pairs(pairs: ProductPairs, path: Path, reference: str) -> None:
    """Write the pairs of one product; equal pairs give equal bytes."""
    import xarray as xr

    place, pair = "location", "pair"
    about = {"sample_dimension": pair, "long_name": "number of pairs of the location"}
    clock = {"units": _TIME, "calendar": "standard", "standard_name": "time"}
    data = xr.Dataset(
        {
            "row_size": (place, pairs.count.astype(np.int64), about),
            "product": (pair, _narrow(pairs.product), {"units": pairs.units[0], "long_name": pairs.name}),
            "reference": (pair, _narrow(pairs.reference), {"units": pairs.units[1], "long_name": reference}),
            "product_time": (pair, pairs.product_time, clock),
            "reference_time": (pair, pairs.reference_time, clock),
            "location_name": (place, pairs.location.astype(object), {"long_name": "location"}),
            "sensor": (place, pairs.sensor.astype(object), {"long_name": "sensor", "cf_role": "timeseries_id"}),
        },
        attrs={
            "Conventions": "CF-1.11",
            "featureType": "timeSeries",
            "title": f"Pairs of {pairs.name} and {reference}",
            "comment": "as they were paired, before scaling and anomalies, without what the product was trained on",
            "product": pairs.name,
        },
    )
    packed = ("product", "reference", "product_time", "reference_time")
    data.to_netcdf(path, mode="w", engine="netcdf4", encoding=dict.fromkeys(packed, _COMPRESSED))


def read_kept_pairs(path: Path) -> ProductPairs:
    """Read what :func:`write_pairs` wrote.

    Raises
    ------
    StoreError
        If the file can't be read, is no such file, or holds more pairs than are read at once.
    """
    import xarray as xr

    try:
        with xr.open_dataset(path, engine="netcdf4", decode_times=False) as data:
            if data.sizes.get("pair", 0) > MOST_PAIRS:
                raise StoreError(f"The pairs are more than the {MOST_PAIRS:,} that are read at once", where=path.name)
            count = np.asarray(data["row_size"].values, np.int64)
            found = ProductPairs(
                str(data.attrs["product"])[:_LONGEST_TEXT],
                (str(data["product"].attrs["units"]), str(data["reference"].attrs["units"])),
                _texts(data["location_name"].values),
                _texts(data["sensor"].values),
                np.concatenate([[0], np.cumsum(count)]).astype(np.int64),
                np.asarray(data["product"].values, np.float64),
                np.asarray(data["reference"].values, np.float64),
                np.asarray(data["product_time"].values, np.int64),
                np.asarray(data["reference_time"].values, np.int64),
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError("The pairs of the bundle can't be read", where=path.name, hint="use another copy") from error
    if (count < 0).any() or found.first[-1] != len(found.product):
        raise StoreError("The pairs of the bundle are damaged", where=path.name, hint="use another copy")
    return found


def _narrow(values: NDArray[np.float64]) -> NDArray[Any]:
    """The values as float32 where each of them is one."""
    small = values.astype(np.float32)
    return small if np.array_equal(small.astype(np.float64), values) else values


def _texts(values: NDArray[Any]) -> NDArray[np.str_]:
    return np.array([str(one) for one in values], dtype=str)
