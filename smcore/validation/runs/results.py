"""A finished run as it is looked at: its folder opened, checked and laid out for tables, maps and charts.

Nothing is scored here. What a picture needs beyond the tables (counts of a histogram, quartiles over locations, the
amplitude in a Taylor diagram) is in :mod:`smcore.validation.runs.pictured`.
"""

from __future__ import annotations

import hashlib
import json
import threading
import zipfile
import zlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore import names
from smcore.errors import StoreError
from smcore.grids import Grid
from smcore.validation.metrics import METRICS
from smcore.validation.runs.result_folder import RUN_FILE
from smcore.validation.runs.run import FORMAT
from smcore.validation.runs.run_format import check_columns, check_record, check_types
from smcore.validation.runs.table import MEDIAN_WITH_SEEN, POOLED_WITH_SEEN
from smcore.validation.score import MEDIAN, POOLED, VARIANT
from smcore.validation.transforms import units_after

OWN, COMMON = "own", "common"
DENSITY: Final = "density.npz"
"""Numbers of pairs in a raster of product against reference, where whoever made the run has kept them."""
DAMAGED: Final = (
    OSError, ValueError, LookupError, TypeError, ArithmeticError, EOFError, MemoryError, RuntimeError, zlib.error,
    zipfile.BadZipFile,
)  # fmt: skip
"""What numpy, zipfile and json raise at an archive of arrays that is damaged or made up."""
_COARSER: Final = (1, 2, 4, 5, 8, 10, 16)
_ENOUGH: Final = 0.9
"""Share of the pairs that a density without bins of few should show, and how many bins become one for that (ours)."""
_SUMMARIES: Final = (POOLED, MEDIAN, POOLED_WITH_SEEN, MEDIAN_WITH_SEEN)
_TEXT: Final = ("location", "sensor", "network", "note", "seen", "interval", "units", "status", "level", "stratum")
READING: Final = threading.Lock()
"""NetCDF files are read by one thread of the process at a time: the library is not safe in several."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Field:
    """One metric of one product over the cells of a grid: ``value`` and ``status`` (row, column), row 0 in the north.

    ``value`` is NaN where missing; ``status`` is text.
    """

    grid: Grid
    value: Floats
    status: NDArray[np.str_]


@dataclass(frozen=True)
class Density:
    """Numbers of pairs: ``count`` (row, column) over the square from ``low`` to ``high`` on both axes, row 0 lowest.

    ``pairs`` are counted of ``total``, less by those beyond the square; ``units`` of product and reference; bins with
    fewer than ``least`` are 0.
    """

    count: NDArray[np.uint32]
    low: float
    high: float
    pairs: int
    total: int
    units: tuple[str, str]
    least: int = 1

    def thinned(self, least: int) -> Density:
        """The same without bins that hold fewer than ``least`` pairs, and coarser where too many of them do."""
        for factor in _COARSER:
            side = len(self.count) // factor
            if side * factor != len(self.count):
                continue
            count = self.count.reshape(side, factor, side, factor).sum(axis=(1, 3))
            kept = np.where(count >= least, count, 0).astype(np.uint32)
            if kept.sum() >= _ENOUGH * count.sum():
                break
        fewer = int(self.count.sum()) - int(kept.sum())
        return replace(self, count=kept, pairs=self.pairs - fewer, least=max(least, self.least))


@dataclass(frozen=True, eq=False)
class RunResults:
    """An opened run folder. Tables are read when they are first asked for; treat them as read-only."""

    folder: Path
    record: dict[str, Any]
    _fields: dict[tuple[str, str], Field | None] = field(default_factory=dict, repr=False)

    # -- what was compared ---------------------------------------------------------------------------------------
    @property
    def products(self) -> tuple[str, ...]:
        """Names of the products, in the order given: the id, with a scaling of its own as ``@cdf``."""
        return tuple(_name(one) for one in self.record["products"])

    @property
    def reference(self) -> str:
        """Id of the reference."""
        return str(self.record["reference"]["id"])

    @property
    def units(self) -> str:
        """Unit of what was compared, which bias and differences have: the reference's; 1 for standardised anomalies."""
        return self._scored_units(self.reference, "none")[1]

    def pair_units(self, product: str) -> tuple[str, str]:
        """Units of a product and of the reference as they were scored: scaled to it, a product has the reference's."""
        own = product.partition(VARIANT)[2]
        return self._scored_units(product, own or str(self.record["options"].get("scaling", "none")))

    def _scored_units(self, name: str, scaling: str) -> tuple[str, str]:
        about = (*self.record["products"], self.record["reference"])
        product = next(str(one["units"]) for one in about if _name(one) == name)
        anomaly = str(self.record["options"].get("anomaly", "none"))
        return units_after((product, str(self.record["reference"]["units"])), scaling, anomaly)

    @property
    def is_synthetic(self) -> bool:
        """Whether anything that was compared is made up."""
        return any(one["synthetic"] for one in (*self.record["products"], self.record["reference"]))

    @property
    def noun(self) -> str:
        """What the locations are."""
        if self.is_grid:
            return "cells"
        return "sensors" if self.metrics["sensor"].astype(bool).any() else "pixels"

    def title(self, product: str) -> str:
        """Title of a product or of the reference."""
        about = (*self.record["products"], self.record["reference"])
        scaling = product.partition(VARIANT)[2]
        found = next((str(one["title"]) for one in about if _name(one) == product), product)
        return f"{found}, scaled by {scaling.replace('_', ' ')}" if scaling else found

    def label(self, product: str) -> str:
        """The same; a leading «…synthetic: » goes, since a mark beside it says so."""
        about = (*self.record["products"], self.record["reference"])
        is_made_up = any(bool(one["synthetic"]) for one in about if _name(one) == product)
        whole = self.title(product)
        head, colon, tail = whole.partition(": ")
        return tail if is_made_up and colon and head.lower().endswith("synthetic") else whole

    def result(self, product: str) -> dict[str, Any]:
        """What the record says of a product: notes, counts, statuses."""
        return next((one for one in self.record["results"] if one["product"] == product), {})

    def notes(self) -> tuple[str, ...]:
        """Sentences of all products and analyses, each once."""
        told = [note for one in self.record["results"] for note in one["notes"]]
        told += [note for one in self.record["analyses"].values() for note in one["notes"]]
        return tuple(dict.fromkeys(str(note) for note in told))

    # -- tables --------------------------------------------------------------------------------------------------
    @cached_property
    def metrics(self) -> pd.DataFrame:
        """``metrics.csv``."""
        return self._table("metrics.csv")

    @cached_property
    def common(self) -> pd.DataFrame:
        """``common.csv``: the days that all products have; empty where there is one product."""
        return self._table("common.csv")

    @cached_property
    def strata(self) -> pd.DataFrame:
        """``strata.csv``; empty where nothing was divided."""
        return self._table("strata.csv")

    @cached_property
    def versus(self) -> pd.DataFrame:
        """``versus.csv``; empty where there is one product, or for the cells of a grid."""
        return self._table("versus.csv")

    @cached_property
    def triple(self) -> pd.DataFrame:
        """``triple.csv``; empty where it was not asked for."""
        return self._table("triple.csv")

    @cached_property
    def stability(self) -> pd.DataFrame:
        """``stability.csv``; empty where it was not asked for."""
        return self._table("stability.csv")

    @property
    def comparisons(self) -> tuple[dict[str, Any], ...]:
        """Of every two products: ``a``, ``b``, ``sentence`` and the counts of each metric."""
        return tuple(self.record["analyses"].get("against", {}).get("comparisons", ()))

    @property
    def stratum_names(self) -> tuple[str, ...]:
        """Divisions that have numbers."""
        return tuple(dict.fromkeys(self.strata["stratum"])) if len(self.strata) else ()

    @property
    def missing_strata(self) -> dict[str, str]:
        """Divisions that could not be made → what would fill them."""
        return dict(self.record["analyses"].get("strata", {}).get("missing", {}))

    @cached_property
    def metric_names(self) -> tuple[str, ...]:
        """Metrics of the run, in the order of tables."""
        found = set(self.metrics["metric"])
        return tuple(name for name in METRICS if name in found)

    @cached_property
    def is_grid(self) -> bool:
        """Whether the results are those of the cells of a grid, which are fields and not rows."""
        return bool(self.metrics["location"].isin(_SUMMARIES).all())

    def summary(self, product: str, label: str = MEDIAN, sample: str = OWN) -> pd.DataFrame:
        """Numbers over all locations by metric: ``label`` says whether the median, or all pairs as one sample."""
        table = self.metrics if sample == OWN else self.common
        if not len(table):
            return table.set_index(pd.Index([], name="metric"))
        return table[(table["product"] == product) & (table["location"] == label)].set_index("metric")

    def locations(self, product: str, metric: str, sample: str = OWN) -> pd.DataFrame:
        """One row per location: names, place, value with its interval, n, status, note, seen."""
        table = self.metrics if sample == OWN else self.common
        chosen = (table["product"] == product) & (table["metric"] == metric) & ~table["location"].isin(_SUMMARIES)
        return table[chosen].reset_index(drop=True)

    def verdicts(self, a: str, b: str, metric: str) -> pd.DataFrame:
        """One row per location: the gain of ``a`` over ``b``, and the verdict."""
        table = self.versus
        if not len(table):
            return table
        return table[(table["a"] == a) & (table["b"] == b) & (table["metric"] == metric)].reset_index(drop=True)

    # -- other files ---------------------------------------------------------------------------------------------
    def field(self, product: str, metric: str) -> Field | None:
        """One metric as a map; None where results are not on a grid, or the metric was not computed for it."""
        key = (product, metric)
        if not self.is_grid:
            return None
        if key not in self._fields:
            with READING:
                self._fields[key] = _read_field(self.folder / "metrics.nc", product, metric)
        return self._fields[key]

    def density(self, product: str) -> Density | None:
        """Numbers of pairs of a product with the reference; None where they were not kept."""
        try:
            with np.load(self.folder / DENSITY, allow_pickle=False) as kept:
                about = json.loads(str(kept["about"]))[product]
                count = np.asarray(kept[f"count_{self.products.index(product)}"], np.uint32)
            sides, least = (float(about["low"]), float(about["high"])), int(about.get("least", 1))
            return Density(count, *sides, int(count.sum()), about["total"], self.pair_units(product), least)
        except DAMAGED:
            return None

    def _table(self, name: str) -> pd.DataFrame:
        if name not in self.record["files"]:
            return pd.DataFrame(columns=["stratum", "product", "metric", "location"])
        try:
            text = dict.fromkeys(_TEXT, "category")  # a unit of 1 is no number; the same texts stand in many rows
            table = pd.read_csv(self.folder / name, dtype=text, keep_default_na=False, na_values=[""], low_memory=False)
        except (OSError, ValueError) as error:
            raise StoreError(f"{name} of the run can't be read", where=self.folder.name, hint="run it again") from error
        for column in (c for c in _TEXT if c in table):
            held = table[column].cat
            texts = pd.Series([*map(_unquoted, held.categories), ""], dtype="str")
            table[column] = texts.array.take(np.where(held.codes < 0, len(held.categories), held.codes))
        check_types(table, name, self.folder.name)
        return table


def open_run(folder: Path) -> RunResults:
    """Open the folder of a run and check that it is whole.

    Raises
    ------
    StoreError
        If it is not there, was written by something else, a file of it is missing or was changed, or the record or a
        table is not as a run has it. Types of a table are checked when it is read.
    """
    where = folder.name
    try:
        record = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StoreError("There is no such run", where=where, hint="choose another, or run it again") from error
    except (OSError, ValueError) as error:
        raise StoreError("The record of the run can't be read", where=where, hint="run it again") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise StoreError("The folder holds no run of this version of Loam", where=where, hint="run it again")
    check_record(record, where)
    if "metrics.csv" not in record["files"]:
        raise StoreError("The record of the run names no metrics.csv", where=where, hint="run it again")
    for name, digest in record["files"].items():
        if _digest(folder / Path(name).name) != digest:
            raise StoreError(f"{name} of the run is missing or was changed", where=where, hint="run it again")
        check_columns(folder / Path(name).name, where)
    return RunResults(folder, record)


@dataclass(frozen=True)
class RunSummary:
    """A kept run in short: its id, what was compared with what, and when it ended [s since 1970]."""

    run: str
    products: tuple[str, ...]
    reference: str
    ended: float


def list_runs(folder: Path) -> list[RunSummary]:
    """Runs kept in a folder, newest first.

    What can't be read is left out: it is said when it is opened.
    """
    found = []
    for file in folder.glob(f"*/{RUN_FILE}"):
        if file.parent.name.startswith("."):
            continue
        try:
            found.append(summary_of(file.parent))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return sorted(found, key=lambda one: -one.ended)


def summary_of(folder: Path) -> RunSummary:
    """The run in a folder, in short.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError
        If its record can't be read.
    """
    file = folder / RUN_FILE
    record = json.loads(file.read_text(encoding="utf-8"))
    products = tuple(_name(one) for one in record["products"])
    return RunSummary(folder.name, products, str(record["reference"]["id"]), file.stat().st_mtime)


def _name(one: dict[str, Any]) -> str:
    """What a data set is called in the tables of the run."""
    return str(one.get("name") or one["id"])


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as stream:  # piece by piece: strata of a thousand locations are 200 MB
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""


def _unquoted(text: object) -> object:
    """Text as it was before it was kept from being a formula."""
    return text[1:] if isinstance(text, str) and len(text) > 1 and text[0] == "'" and text[1] in "=+-@\t\r" else text


def _read_field(file: Path, product: str, metric: str) -> Field | None:
    import netCDF4
    import xarray as xr

    with netCDF4.Dataset(file) as opened:
        group = product if product in opened.groups else None
    with xr.open_dataset(file, group=group, engine="netcdf4", decode_times=False) as data:
        if metric not in data or names.Y not in data[metric].dims:
            return None
        one = data.sel(product=product) if "product" in data.dims else data
        meanings = np.array(str(data[f"{metric}_status"].attrs["flag_meanings"]).split())
        codes = np.nan_to_num(np.asarray(one[f"{metric}_status"].values, np.float64)).astype(int)
        return Field(Grid.from_attrs(data.attrs), np.asarray(one[metric].values, np.float64), meanings[codes])
