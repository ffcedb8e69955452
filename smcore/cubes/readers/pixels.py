"""hydroDL pixel sets: SMAP L3 AM at M36 pixels with NLDAS-2 forcing and statics, and the published LSTM output.

References
----------
Fang, K. et al. (2017): Prolongation of SMAP to spatiotemporally seamless coverage of continental U.S. using a deep
learning neural network, Geophys. Res. Lett. 44, doi:10.1002/2017GL075619. Entekhabi, D. et al. (2010): The Soil
Moisture Active Passive (SMAP) mission, doi:10.1109/JPROC.2010.2043918. Xia, Y. et al. (2012): NLDAS-2,
doi:10.1029/2011JD016048.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import grids, names
from smcore.cubes.check import check_pixels
from smcore.cubes.readers import _blocks
from smcore.cubes.sources import Reading, Skipped, gather
from smcore.errors import ReaderError

KIND: Final = "pixels"
TITLE: Final = "hydroDL pixel set (SMAP L3 AM, NLDAS-2 forcing, statics; or the published LSTM output)"
PATTERNS: Final = ("conusv4f1_pixels*.nc", "lstm_ep*.nc")
LAYOUT: Final = "pixels"
VARIABLES: Final = ("SMAP_AM", "lstm_sm")

_FIELDS: Final[dict[str, tuple[str, float]]] = {
    # source name: our name, factor to our unit
    "SMAP_AM": (names.SM, 1.0),
    "lstm_sm": (names.SM, 1.0),
    "APCP_FORA": ("precipitation", 24.0),  # daily mean of hourly totals, kg m-2 h-1 -> mm d-1
    "TMP_2_FORA": ("air_temperature", 1.0),
    "DLWRF_FORA": ("longwave_down", 1.0),
    "DSWRF_FORA": ("shortwave_down", 1.0),
    "SPFH_2_FORA": ("specific_humidity", 1.0),
    "UGRD_10_FORA": ("wind_u", 1.0),
    "VGRD_10_FORA": ("wind_v", 1.0),
}
_SOURCE_UNITS: Final = {
    "APCP_FORA": "kg m-2 h-1", "TMP_2_FORA": "K", "DLWRF_FORA": "W m-2", "DSWRF_FORA": "W m-2",
    "SPFH_2_FORA": "kg kg-1", "UGRD_10_FORA": "m s-1", "VGRD_10_FORA": "m s-1",
    "SMAP_AM": names.VOLUMETRIC, "lstm_sm": names.VOLUMETRIC,
}  # fmt: skip
_STATICS: Final = {
    "const_Bulk": "bulk_density", "const_Capa": "water_capacity", "const_Clay": "clay", "const_NDVI": "ndvi",
    "const_Sand": "sand", "const_Silt": "silt", "const_flag_albedo": "albedo",
    "const_flag_extraOrd": "extraordinary_flag", "const_flag_landcover": "land_cover",
    "const_flag_roughness": "roughness", "const_flag_vegDense": "vegetation_density",
    "const_flag_waterbody": "water_fraction",
}  # fmt: skip
_TARGET: Final = {
    "title": "SMAP L3 passive soil moisture, AM, at M36 pixels, with NLDAS-2 forcing and statics",
    "product": "SMAP SPL3SMP AM (hydroDL CONUSv4f1)",
    "kind": "observed",
    "inputs": "smap",
    "doi": "10.1002/2017GL075619",
    "citation": "Fang et al. 2017 (data set); Entekhabi et al. 2010 (SMAP); Xia et al. 2012 (NLDAS-2)",
}
_LSTM: Final = {
    "title": "Published hydroDL LSTM soil moisture at M36 pixels",
    "product": "hydroDL LSTM CONUSv4f1",
    "kind": "reconstructed",
    "inputs": "smap nldas",
    "doi": "10.1002/2017GL075619",
    "citation": "Fang et al. 2017",
}


@dataclass(frozen=True)
class _Pixels:
    """The header of one file."""

    path: Path
    raw: xr.Dataset  # attributes and coordinates only; its file is closed
    target: str
    location: NDArray[np.int64]
    time: dict[str, NDArray[np.datetime64]]


def read(paths: Sequence[Path], *, variable: str | None = None) -> Reading:
    """Read hydroDL pixel files of one product lazily.

    Parameters
    ----------
    paths
        Files of the data set, of the LSTM output, or of both.
    variable
        ``SMAP_AM`` or ``lstm_sm``: which product to read where ``paths`` hold both (default: the first at hand).

    Returns
    -------
    Reading
        ``sm(location, time)`` [m3 m-3], forcings (location, time) and statics (location), NaN where missing. Forcings
        that go on after the last SMAP day have NaN soil moisture beside them.

    Raises
    ------
    ReaderError
        If no file is a hydroDL pixel set of that product.
    """
    good, skipped = gather(list(paths), _inspect, KIND)
    headers = [header for _, header in good]
    target = variable or next(name for name in VARIABLES if any(h.target == name for h in headers))
    chosen = [h for h in headers if h.target == target]
    if not chosen:
        raise ReaderError(f"No file holds {target}", code="missing_variable", where=headers[0].path.name)
    others = tuple(
        Skipped(str(h.path), "wrong_kind", f"{h.path.name} holds {h.target}; read it with --variable {h.target}")
        for h in headers
        if h.target != target
    )
    dataset = _assemble(chosen)
    return Reading(dataset, skipped + others, _notes(dataset), tuple(h.path for h in chosen))


def _inspect(path: Path) -> _Pixels:
    with _blocks.open_raw(path) as raw:
        target = next((name for name in VARIABLES if name in raw), None)
        if target is None or "pixel" not in raw.dims:
            raise ReaderError(
                "The file holds no SMAP_AM or lstm_sm on pixels", code="missing_variable", where=path.name,
                hint="give a hydroDL pixel file",
            )  # fmt: skip
        for name in ("lat", "lon"):
            if name not in raw:
                raise ReaderError(f"The file has no {name}", code="missing_variable", where=path.name)
        for name, units in _SOURCE_UNITS.items():
            if name in raw and raw[name].attrs.get("units") != units:
                raise ReaderError(f"{name} is in {raw[name].attrs.get('units')!r}, not {units}", where=path.name)
        time = {n: _blocks.times_of(raw[n], where=path.name) for n in ("time", "time_smap") if n in raw.variables}
        location = raw["pixel"].values if "pixel" in raw.variables else np.arange(raw.sizes["pixel"])
        kept = raw[["lat", "lon"]].load().assign_attrs(raw.attrs)
        fields = {n: raw[n].variable for n in raw.data_vars if n in _FIELDS or n in _STATICS}
        header = xr.Dataset({**kept.variables, **{n: v.copy(data=_no_data(v.shape)) for n, v in fields.items()}})
        return _Pixels(path, header.assign_attrs(raw.attrs), target, location.astype(np.int64), time)


def _no_data(shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.broadcast_to(np.float32(np.nan), shape)


def _assemble(headers: Sequence[_Pixels]) -> xr.Dataset:
    """One dataset of files with different pixels, on the union of their days."""
    time = np.unique(np.concatenate([axis for h in headers for axis in h.time.values()]))
    parts = [_part(h, time) for h in headers]
    if len(parts) == 1:
        return check_pixels(parts[0])
    joined = xr.concat(parts, dim=names.LOCATION, combine_attrs="override", join="exact")
    _, first = np.unique(joined[names.LOCATION].values, return_index=True)
    return check_pixels(joined.isel({names.LOCATION: np.sort(first)}))


def _part(header: _Pixels, time: NDArray[np.datetime64]) -> xr.Dataset:
    variables: dict[str, Any] = {}
    for source, (name, factor) in _FIELDS.items():
        if source in header.raw and (source == header.target or name != names.SM):
            variables[name] = _series(header, source, factor, time)
    for source, name in _STATICS.items():
        if source in header.raw:
            data = _lazy(header, source, None, 1.0, (len(header.location),))
            variables[name] = xr.Variable((names.LOCATION,), data, _static_attributes(name))
    lat = header.raw["lat"].values.astype(np.float64)
    lon = grids.wrap_longitude(header.raw["lon"].values)
    row, col = grids.ease("M36").index(lat, lon)
    place = names.LOCATION
    coords = {
        names.LOCATION: header.location, names.TIME: time, "lat": (place, lat), "lon": (place, lon),
        "row": (place, row), "col": (place, col), names.OVERPASS: (names.TIME, np.full(len(time), names.AM)),
    }  # fmt: skip
    return xr.Dataset(variables, coords, _attributes(header))


def _series(header: _Pixels, source: str, factor: float, time: NDArray[np.datetime64]) -> xr.Variable:
    axis = header.time[str(header.raw[source].dims[1])]
    days = np.searchsorted(time, axis)
    data = _lazy(header, source, days, factor, (len(header.location), len(time)))
    name = _FIELDS[source][0]
    attributes: dict[str, Any] = names.attributes(name)
    attributes["time_support"] = names.INSTANT if name == names.SM else names.DAY_MEAN
    attributes["source_name"] = source
    return xr.Variable((names.LOCATION, names.TIME), data, attributes)


def _lazy(header: _Pixels, source: str, days: NDArray[np.int64] | None, factor: float, shape: tuple[int, ...]) -> Any:
    decode = _blocks.decoding(header.raw[source]).then(factor)
    place = decode if days is None else partial(_spread, decode, days, shape)
    return _blocks.lazy([_blocks.loader(header.path, source, place)], [shape[0]], shape[1:])


def _spread(
    decode: _blocks.Decoding, days: NDArray[np.int64], shape: tuple[int, ...], stored: NDArray[Any]
) -> NDArray[np.float32]:
    """Lay a shorter series on the whole time axis, NaN where it has no day."""
    whole = np.full(shape, np.nan, np.float32)
    whole[:, days] = decode(stored)
    return whole


def _static_attributes(name: str) -> dict[str, str]:
    if name == "extraordinary_flag":
        return {"units": "1", "long_name": "count of extraordinary SMAP surface flags, as given by the source"}
    attributes = names.attributes(name)
    if name == "water_capacity":
        # The source names no unit; its values (7 to 32) are too small for mm over 1 m of soil.
        attributes = {"units": "1", "long_name": "soil water capacity, unit not stated by the source"}
    return attributes


def _attributes(header: _Pixels) -> dict[str, Any]:
    described = _TARGET if header.target == "SMAP_AM" else _LSTM
    return {
        **described,
        "synthetic": int(header.raw.attrs.get("synthetic", 0)),
        "layer_m": "0 0.05",
        # SMAP's hour is lost in this data set: days are labelled, not observed, at 00:00.
        "time_support": names.INSTANT,
        "time_is_nominal": 1,
        "licence": str(header.raw.attrs.get("license", "not stated")),
        **grids.ease("M36").to_attrs(),
    }


def _notes(dataset: xr.Dataset) -> tuple[str, ...]:
    notes = ["Days are labelled 00:00 UTC; the hour of the SMAP overpass (about 06:00 local time) is not in the file"]
    if "precipitation" in dataset:
        notes.append(
            "precipitation is the source's kg m-2 h-1 × 24; water_capacity keeps the source's unstated unit; "
            "pixels are every fourth row and column of M36, not a continuous field"
        )
    return tuple(notes)
