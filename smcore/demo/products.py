"""What the products of the demo world are called and said to be; from recorded fields to stores and entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from smcore import names
from smcore.catalog import CatalogEntry
from smcore.cubes import store
from smcore.demo.world import VERSION
from smcore.progress import Progress, quiet

CITATION = "Loam demo world, synthetic, generator version " + VERSION
LICENCE = "CC0-1.0"
SURFACE = (0.0, 0.05)


@dataclass(frozen=True)
class Product:
    """One product of the demo world.

    Attributes
    ----------
    series
        Whether its store also gets the series layout; inputs need maps only.
    families
        Product families that went into it, as collocation statistics need to know.
    """

    id: str
    title: str
    kind: str
    product: str
    time_support: str
    roles: tuple[str, ...]
    variable: str = names.SM
    families: tuple[str, ...] = ()
    layer_m: tuple[float, float] | None = None
    colour_range: tuple[float, float] | None = None
    series: bool = False
    hidden: bool = False

    @property
    def attrs(self) -> dict[str, Any]:
        """Attributes of its data set."""
        attrs: dict[str, Any] = {
            "title": f"Demo world, synthetic: {self.title}",
            "kind": self.kind,
            "product": self.product,
            "time_support": self.time_support,
            "citation": CITATION,
            "inputs": " ".join(self.families),
        }
        if self.layer_m is not None:
            attrs["layer_m"] = f"{self.layer_m[0]:g} {self.layer_m[1]:g}"
        return attrs


def _truth(name: str, where: str, support: str = names.DAY_MEAN) -> Product:
    return Product(
        f"demo-truth-{name}", f"hidden truth, 0-5 cm, {where}", "reference", "demo truth", support, ("reference",),
        families=("truth",), layer_m=SURFACE, colour_range=names.RANGE_M3M3, series=True, hidden=True,
    )  # fmt: skip


def _smap(name: str, where: str) -> Product:
    return Product(
        f"demo-smap-{name}", f"SMAP-like soil moisture, {where}", "observed", f"demo SMAP-like {where}", names.INSTANT,
        ("product", "target"), families=("smap",), layer_m=SURFACE, colour_range=names.RANGE_M3M3, series=True,
    )  # fmt: skip


def _inputs(name: str, title: str, variable: str, families: tuple[str, ...], support: str = names.DAY_MEAN) -> Product:
    return Product(f"demo-{name}", title, "forcing", f"demo {name}", support, ("forcing", "static"), variable, families)


def _noah(name: str, where: str, *, series: bool) -> Product:
    return Product(
        f"demo-noah-{name}", f"Noah-like land-surface model, 0-10 cm, {where}", "modelled", "demo Noah-like",
        names.DAY_MEAN, ("product", "model_sm") if series else ("forcing",),
        names.SM if series else "soil_moisture_0_10cm", ("gldas",), (0.0, 0.10),
        names.RANGE_M3M3 if series else None, series,
    )  # fmt: skip


PRODUCTS = {
    p.id: p
    for p in (
        _smap("36", "36 km"),
        _smap("9", "posted at 9 km, resolution 33 km"),
        _noah("36", "daily means on the 36 km grid", series=True),
        Product(
            "demo-era5land-9", "ERA5-Land-like model, 0-7 cm, daily means on the 9 km grid", "modelled",
            "demo ERA5-Land-like", names.DAY_MEAN, ("product", "model_sm"), families=("era5",), layer_m=(0.0, 0.07),
            colour_range=names.RANGE_M3M3, series=True,
        ),
        _noah("025", "as delivered: kg m-2 on 0.25 degrees", series=False),
        _inputs("forcing-36", "near-surface forcing, 36 km", "precipitation", ("nldas",)),
        _inputs("forcing-9", "near-surface forcing and constants, 9 km", "precipitation", ("nldas",)),
        _inputs("optical-9", "LST, radar-gauge rain and reflectances, 9 km", "lst", ("modis", "stage4")),
        _inputs("optical-1", "LST, radar-gauge rain and reflectances, 1 km", "lst", ("modis", "stage4")),
        _inputs("land-9", "land products and reanalysis, 9 km", "lst_day", ("modis", "imerg", "era5")),
        _inputs("era5land-3h", "ERA5-Land-like, 0.1 degree, 3-hourly", "swvl1", ("era5",), "mean:3:start"),
        _truth("36", "36 km"),
        _truth("9", "9 km"),
        _truth("1", "1 km"),
        _truth("3h", "0.1 degree, 3-hourly", "mean:3:start"),
        Product(
            "demo-stations", "three station networks", "stations", "demo stations", names.INSTANT, ("stations",),
            families=("insitu",), colour_range=names.RANGE_M3M3,
        ),
    )
}  # fmt: skip


def store_path(folder: Path, product_id: str) -> Path:
    """Where a product's store lies in the folder of a demo world."""
    return folder / "stores" / product_id


def save(product_id: str, dataset: xr.Dataset, folder: Path, progress: Progress = quiet) -> None:
    """Write one product as a prepared store."""
    product = PRODUCTS[product_id]
    dataset = dataset.assign_attrs({**product.attrs, **dataset.attrs, "title": product.attrs["title"]})
    store.write(dataset, store_path(folder, product_id), progress=progress, series=product.series)


def entry(product_id: str, folder: Path, details: Mapping[str, Any]) -> CatalogEntry:
    """The catalogue entry of a product that has been saved."""
    product, path = PRODUCTS[product_id], store_path(folder, product_id)
    opened = store.open_store(path).dataset()
    variables = {
        str(n): str(v.attrs.get("units", "")) for n, v in opened.data_vars.items() if v.attrs.get("units") is not None
    }
    time = opened[names.TIME].values
    made = CatalogEntry(
        id=product_id,
        title=product.attrs["title"],
        kind=product.kind,
        layout="stations" if product.kind == "stations" else "cube",
        location=path,
        synthetic=True,
        variable=product.variable,
        variables=variables,
        grid=str(opened.attrs.get("grid_name", "")),
        period=(str(np.datetime_as_string(time[0], unit="D")), str(np.datetime_as_string(time[-1], unit="D"))),
        units=variables.get(product.variable, ""),
        licence=LICENCE,
        citation=CITATION,
        version=VERSION,
        colour_range=product.colour_range,
        layer_m=product.layer_m,
        time_support=product.time_support,
        inputs=product.families,
        roles=product.roles,
        extra={"hidden": True, **details} if product.hidden else dict(details),
    )
    return replace(made, variable=product.variable if product.variable in variables else next(iter(variables), ""))
