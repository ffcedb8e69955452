"""What a figure shows, and what is known of it: the arrays that a drawing, a data file and a caption share."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from smcore.errors import RecipeError
from smcore.figures.fields import Field, read_fields

if TYPE_CHECKING:
    import xarray as xr

    from smcore.catalog import CatalogEntry

FIELD = "value"
"""Name of the variable of a field (lat, lon) or (distance, time)."""


def place_text(lat: float, lon: float, digits: int | None = None) -> str:
    """A place [deg] in words, as ``32.5° N, 98° W``, with so many decimals; none given: as many as it has."""
    form = ":g" if digits is None else f":.{digits}f"
    lon = (lon + 180.0) % 360.0 - 180.0 if abs(lon) > 180.0 else lon
    sides = (lat, "N" if lat >= 0 else "S"), (lon, "E" if lon >= 0 else "W")
    return ", ".join(f"{{{form}}}° {side}".format(abs(value)) for value, side in sides)


@dataclass(frozen=True)
class Credit:
    """Something that a figure shows and that must be cited: a data set, a network or a model.

    ``role`` is ``product``, ``reference``, ``network`` or ``model``; ``fingerprint`` is that of the prepared store.
    """

    role: str
    id: str
    title: str = ""
    version: str = ""
    citation: str = ""
    doi: str = ""
    licence: str = ""
    synthetic: bool = False
    fingerprint: str = ""


@dataclass(frozen=True)
class Told:
    """What is known of a figure's data. Only what the data say; a caption adds nothing to it.

    Parameters
    ----------
    title, quantity, units
        What is shown of whom, and the unit of the values.
    when, where
        Moment or period [UTC], and place; '' where they do not apply.
    n, counted
        How many of what: pairs, cells, sensors.
    filters
        What was left out, and how values were treated.
    notes
        Further sentences that a reader needs.
    exclusions
        Periods that a reviewer excluded, one sentence each.
    credits
        Whom to cite.
    methods
        Ids of methods in :mod:`smcore.figures.citations`.
    """

    title: str
    quantity: str = ""
    units: str = ""
    when: str = ""
    where: str = ""
    n: int | None = None
    counted: str = ""
    filters: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    exclusions: tuple[str, ...] = ()
    synthetic: bool = False
    credits: tuple[Credit, ...] = ()
    methods: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As a recipe keeps it; what is empty is left out."""
        block = {name: value for name, value in asdict(self).items() if value not in ("", (), None, False)}
        block["credits"] = [{k: v for k, v in asdict(one).items() if v not in ("", False)} for one in self.credits]
        return {name: list(value) if isinstance(value, tuple) else value for name, value in block.items()}


_TOLD = {
    "title": Field("text", ""), "quantity": Field("text", ""), "units": Field("text", ""), "when": Field("text", ""),
    "where": Field("text", ""), "n": Field("whole", None, low=0, high=2**53), "counted": Field("text", ""),
    "filters": Field("texts", ()), "notes": Field("texts", ()), "exclusions": Field("texts", ()),
    "synthetic": Field("flag", False), "credits": Field("any", ()), "methods": Field("texts", ()),
}  # fmt: skip
_CREDIT = {one.name: Field("flag", False) if one.name == "synthetic" else Field("text", "") for one in fields(Credit)}


def told_of(block: Any, where: str) -> Told:
    """What a recipe says of its data.

    Raises
    ------
    RecipeError
        If a key is unknown, of another type or too long.
    """
    values = read_fields(block, _TOLD, where)
    given = values.pop("credits")
    if not isinstance(given, list | tuple) or len(given) > 256:
        raise RecipeError("The recipe is wrong: credits must be a list", where=where)
    return Told(**values, credits=tuple(Credit(**read_fields(one, _CREDIT, f"{where}, credits")) for one in given))


@dataclass(frozen=True, eq=False)
class Data:
    """The arrays of a figure.

    Parameters
    ----------
    table
        Rows of values; which columns there are is the kind's. NaN = missing.
    field
        A variable :data:`FIELD` over two dimensions with the borders of its cells as coordinates, or None.
    units
        Unit of columns by name.
    drawn
        Particulars that the drawing needs and that are no data: labels, colours.
    """

    told: Told
    table: pd.DataFrame = dataclasses.field(default_factory=pd.DataFrame)
    field: xr.Dataset | None = None
    units: Mapping[str, str] = dataclasses.field(default_factory=dict)
    drawn: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def need(self, *columns: str) -> pd.DataFrame:
        """The table.

        Raises
        ------
        RecipeError
            If a column is missing, or there is no row with a value.
        """
        missing = [name for name in columns if name not in self.table]
        if missing:
            raise RecipeError(f"The figure's data have no column {missing[0]!r}", where=self.told.title[:80])
        if not len(self.table):
            raise RecipeError("There is nothing to draw: the figure's data are empty", where=self.told.title[:80])
        return self.table

    def need_field(self) -> xr.Dataset:
        """The field.

        Raises
        ------
        RecipeError
            If there is none.
        """
        if self.field is None or FIELD not in self.field:
            raise RecipeError("The figure's data hold no map", where=self.told.title[:80])
        return self.field

    def check_filled(self) -> None:
        """Refuse what has no value at all.

        Raises
        ------
        RecipeError
            If no cell has a value, or there is no row.
        """
        where = self.told.title[:80] or self.told.when
        if self.field is not None and not np.isfinite(self.need_field()[FIELD].values).any():
            raise RecipeError(
                "There is nothing to draw: no cell has a value", where=where,
                hint="choose another time, window or filter",
            )  # fmt: skip
        if self.field is None and not len(self.table):
            raise RecipeError("There is nothing to draw: the figure's data are empty", where=where)
        numbers = self.table.select_dtypes("number")
        if self.field is None and numbers.shape[1] and not np.isfinite(numbers.to_numpy(float)).any():
            raise RecipeError("There is nothing to draw: the figure's data hold no number", where=where)


def credit_of(entry: CatalogEntry, role: str, fingerprint: str = "") -> Credit:
    """The credit of a catalogue entry."""
    return Credit(
        role, entry.id, entry.title, str(entry.version), entry.citation, entry.doi, entry.licence, entry.synthetic,
        fingerprint,
    )  # fmt: skip


def model_of(entry: CatalogEntry) -> tuple[Credit, ...]:
    """The credit of the model that made a product, which has its citation from the model's card; () if none did."""
    name = str(entry.extra.get("model") or "")
    return (Credit("model", name, f"Model {name}", citation=entry.citation, doi=entry.doi),) if name else ()


def networks_of(collection: Credit, names: Iterable[str]) -> tuple[Credit, ...]:
    """A credit for each network of a collection, with the collection's own citation: a catalogue has no other."""
    kept = dict.fromkeys(str(name) for name in names if str(name).strip())
    return tuple(
        Credit(
            "network", f"{collection.id}-{name}", f"{name}, in {collection.title}", citation=collection.citation,
            licence=collection.licence, synthetic=collection.synthetic,
        )
        for name in kept
    )  # fmt: skip


def once(given: Iterable[Credit]) -> tuple[Credit, ...]:
    """Each credit once, in order."""
    return tuple({(one.role, one.id): one for one in given}.values())
