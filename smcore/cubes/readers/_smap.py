"""What all SMAP HDF5 products share: attributes, fill values, flags and observation times.

Names, types and fill values are those of the product specifications and of the DMR of a real SPL3SMP v8 granule.
``soil_moisture_error`` is not read: the products define it but have never filled it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.cubes.readers._steps import Field, is_synthetic
from smcore.cubes.sources import open_hdf5
from smcore.errors import ReaderError

if TYPE_CHECKING:
    import h5py

Stored = NDArray[Any]
EPOCH: Final = np.datetime64("2000-01-01T12:00:00", "ns")  # of tb_time_seconds; agrees with tb_time_utc
FLOAT_FILL: Final = -9999.0
UINT16_FILL: Final = 65534
SURFACE_FLAG: Final = "surface_flag"
RECOMMENDED_BIT, ATTEMPTED_BIT = 1, 2
MASKS: Final = (1, 2, 4, 8)
QUALITY_MEANINGS: Final = (
    "retrieval_not_recommended retrieval_not_attempted retrieval_not_successful freeze_thaw_retrieval_not_successful"
)
SURFACE_MEANINGS: Final = (
    "static_water_body radar_water_body coastal_proximity urban_area precipitation snow_or_ice permanent_snow_or_ice "
    "radiometer_frozen_ground model_frozen_ground mountainous_terrain dense_vegetation nadir_region"
)
SURFACE_MASKS: Final = tuple(2**bit for bit in range(12))
NOMINAL_HOUR: Final = {names.AM: 6, names.PM: 18}  # local solar time of the two overpasses
PAPER: Final = (
    "Entekhabi, D. et al. (2010): The Soil Moisture Active Passive (SMAP) Mission, Proc. IEEE 98, 704-716, "
    "doi:10.1109/JPROC.2010.2043918"
)
PAPER_DOI: Final = "10.1109/JPROC.2010.2043918"
_METADATA: Final = ("Metadata/DatasetIdentification", "Metadata/SeriesIdentification")


def text(value: Any) -> str:
    """Give an HDF5 attribute as text, be it str, bytes or an array of one; empty if there is none."""
    if value is None:
        return ""
    first = np.ravel(np.asarray(value, dtype=object))[0] if np.size(value) else ""
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)


def number(value: Any, default: float) -> float:
    """Give an HDF5 attribute as a number, be it a scalar, an array of one or text."""
    try:
        return float(text(value)) if value is not None else default
    except ValueError:
        return default


def values_of(file: h5py.File, name: str, path: Path) -> tuple[Stored, float]:
    """Read the stored numbers of a dataset and its fill value (the products' own where it declares none).

    Raises
    ------
    ReaderError
        ``truncated`` or ``missing_variable``.
    """
    dataset = require(file, name, path)
    default = UINT16_FILL if dataset.dtype == np.uint16 else FLOAT_FILL
    try:
        return dataset[()], number(dataset.attrs.get("_FillValue"), default)
    except (OSError, RuntimeError) as error:
        raise ReaderError(
            f"{name} can't be read", code="truncated", where=path.name, hint="download it again"
        ) from error


def require(file: h5py.File, name: str, path: Path) -> h5py.Dataset:
    """Return a dataset of an open file, or raise ``missing_variable``."""
    import h5py

    found = file.get(name)
    if not isinstance(found, h5py.Dataset):
        raise ReaderError(f"The file has no {name}", code="missing_variable", where=path.name)
    return found


def decode_floats(stored: Stored, fill: float) -> NDArray[np.float32]:
    """float32 with NaN where the stored number is the fill value or not finite; nothing is masked by valid_max."""
    values = stored.astype(np.float32)
    values[~np.isfinite(values) | (values == np.float32(fill))] = np.nan
    return values


def decode_flags(stored: Stored, fill: float) -> NDArray[np.int32]:
    """int32 bit mask with −1 where the stored number is the fill value."""
    return np.where(stored == fill, -1, stored.astype(np.int32)).astype(np.int32)


def decode_seconds(stored: Stored, fill: float) -> NDArray[np.datetime64]:
    """UTC from ``tb_time_seconds``, to the millisecond; NaT where missing."""
    known = np.isfinite(stored) & (stored != fill)
    ms = np.rint(np.where(known, stored, 0.0) * 1000).astype("timedelta64[ms]")
    return np.where(known, EPOCH + ms, np.datetime64("NaT", "ns"))


def decode_utc(stored: Stored) -> NDArray[np.datetime64]:
    """UTC from ``tb_time_utc``; real granules write some milliseconds as ``***``, which are read as 0."""
    flat = [_utc(text(value)) for value in np.ravel(stored)]
    return np.array(flat, dtype="datetime64[ns]").reshape(np.shape(stored))


def _utc(value: str) -> np.datetime64:
    match = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,3})?", value.strip())
    return np.datetime64(match[1] + (match[2] or ""), "ns") if match else np.datetime64("NaT", "ns")


def moisture_of(file: h5py.File, moisture: str, path: Path) -> NDArray[np.float32]:
    """Read one retrieved field [m3 m-3], NaN where there is no retrieval."""
    return decode_floats(*values_of(file, moisture, path))


def quality_of(file: h5py.File, moisture: str, flag: str, path: Path) -> NDArray[np.int32]:
    """Read the retrieval quality bits, −1 where there is no retrieval."""
    retrieved = np.isfinite(moisture_of(file, moisture, path))
    return np.where(retrieved, decode_flags(*values_of(file, flag, path)), -1).astype(np.int32)


def surface_of(file: h5py.File, flag: str, path: Path) -> NDArray[np.int32]:
    """Read the surface bits, −1 where the product gives none; kept where there is no retrieval, for they say why."""
    return decode_flags(*values_of(file, flag, path))


def obs_time_of(file: h5py.File, moisture: str, seconds: str, utc: str, path: Path) -> NDArray[np.datetime64]:
    """When each retrieval was observed (UTC), NaT where there is none; the text form serves where seconds lack."""
    retrieved = np.isfinite(moisture_of(file, moisture, path))
    times = np.full(retrieved.shape, np.datetime64("NaT", "ns"))
    if seconds in file:
        stored, fill = values_of(file, seconds, path)
        times[retrieved] = decode_seconds(stored[retrieved], fill)
    else:
        times[retrieved] = decode_utc(values_of(file, utc, path)[0][retrieved])
    return times


def load(path: Path, of: Callable[..., Stored], *datasets: str) -> Stored:
    """Open a file and read one variable of it with one of the functions above."""
    with open_hdf5(path) as file:
        return of(file, *datasets, path)


Recipe = tuple[Callable[..., Stored], tuple[str, ...]]


def recipes(file: h5py.File, moisture: str, dataset: Callable[[str], str]) -> dict[str, Recipe]:
    """How to read each of our variables that a group holds: a function and its datasets' full names.

    ``dataset`` makes a full name of a bare one (group before, suffix behind).
    """
    sm, flag, surface = dataset(moisture), dataset(quality_name(moisture)), dataset(SURFACE_FLAG)
    seconds, utc = dataset("tb_time_seconds"), dataset("tb_time_utc")
    result: dict[str, Recipe] = {names.SM: (moisture_of, (sm,))}
    if flag in file:
        result[names.QUALITY] = (quality_of, (sm, flag))
    if surface in file:
        result[SURFACE_FLAG] = (surface_of, (surface,))
    if seconds in file or utc in file:
        result[names.OBS_TIME] = (obs_time_of, (sm, seconds, utc))
    return result


def fields(valid_max: float | None) -> dict[str, Field]:
    """Describe the variables of a retrieval product."""
    moisture: dict[str, Any] = {**names.attributes(names.SM)}
    if valid_max is not None:
        moisture["source_valid_max"] = valid_max
    quality = {
        "long_name": "retrieval quality",
        "flag_masks": np.array(MASKS, np.int32),
        "flag_meanings": QUALITY_MEANINGS,
        "recommended_bits": RECOMMENDED_BIT,
        "attempted_bits": ATTEMPTED_BIT,
    }
    surface = {
        "long_name": "surface conditions",
        "flag_masks": np.array(SURFACE_MASKS, np.int32),
        "flag_meanings": SURFACE_MEANINGS,
    }
    return {
        names.SM: Field(moisture),
        names.QUALITY: Field(quality, np.int32),
        SURFACE_FLAG: Field(surface, np.int32),
        names.OBS_TIME: Field({"long_name": "time of observation (UTC)"}, "datetime64[ns]"),
    }


def valid_max(dataset: h5py.Dataset) -> float | None:
    """Return the largest value that a dataset calls valid; retrievals above it exist and are kept."""
    limit = number(dataset.attrs.get("valid_max"), np.nan)
    return round(limit, 6) if np.isfinite(limit) else None


def quality_name(moisture: str) -> str:
    """Name the quality flag that belongs to a variant: ``soil_moisture_scah`` → ``retrieval_qual_flag_scah``."""
    return "retrieval_qual_flag" + moisture.removeprefix("soil_moisture")


@dataclass(frozen=True)
class Identity:
    """What a file says about itself."""

    product: str
    doi: str
    synthetic: int


def identity(file: h5py.File, short_name: str) -> Identity:
    """Product with version, DOI and the ``synthetic`` mark of an open file; bare where it says nothing."""
    found: dict[str, Any] = {}
    for group in _METADATA:
        found.update(dict(file[group].attrs) if group in file else {})
    version = text(found.get("ECSVersionID")) or text(found.get("VersionID"))
    doi = text(found.get("identifier_product_DOI")).lower().removeprefix("doi:")
    suffix = f" v{int(version)}" if version.isdigit() else ""
    return Identity(f"SMAP {short_name}{suffix}", doi, is_synthetic(dict(file.attrs)))


def attributes(identities: Sequence[Identity], title: str, **others: Any) -> dict[str, Any]:
    """Cube attributes of a SMAP product from what its files say."""
    first = identities[0]
    data = f"; data: {first.product}, NSIDC DAAC" + (f", doi:{first.doi}" if first.doi else "")
    return {
        "title": title,
        "kind": "observed",
        "synthetic": max(one.synthetic for one in identities),
        "product": first.product,
        "layer_m": "0 0.05",
        "time_support": names.INSTANT,
        "licence": "NASA open data",
        "citation": PAPER + data,
        "doi": first.doi or PAPER_DOI,
        "inputs": "smap",
        **others,
    }


def version_notes(identities: Sequence[Identity]) -> tuple[str, ...]:
    """Make a note where the files are not all of one version."""
    products = sorted({one.product for one in identities})
    return (f"files of several versions: {', '.join(products)}",) if len(products) > 1 else ()


def release(path: Path) -> tuple[int, int]:
    """Order of two granules of one time: the numbers in ``_R19240_001``; (0, 0) where the name has none."""
    match = re.search(r"_(?:R|Vv)(\d+)_(\d+)", path.name)
    return (int(match[1]), int(match[2])) if match else (0, 0)
