"""A figure's data as a file and back, exactly and with units: CSV for tables, NetCDF for fields; or in the recipe."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from smcore.errors import RecipeError
from smcore.export.cells import head, text_cell
from smcore.figures.data import FIELD, Data, told_of
from smcore.figures.sources import EMBEDDED, FILE, Places, digest

MOST_BYTES: Final = 512_000_000
MOST_EMBEDDED: Final = 200_000


def _unquoted(text: object) -> object:
    """Text as it was before it was kept from being a formula."""
    return text[1:] if isinstance(text, str) and len(text) > 1 and text[0] == "'" and text[1] in "=+-@\t\r" else text


def suffix_of(data: Data) -> str:
    """What the file of the data is called: ``.nc`` for a field, else ``.csv``."""
    return ".nc" if data.field is not None else ".csv"


def write_data(data: Data, file: Path) -> str:
    """Write the arrays; the SHA-256 of the file.

    Raises
    ------
    StoreError
        If it can't be written.
    """
    if data.field is not None:
        file.write_bytes(netcdf_bytes(data))
    else:
        file.write_bytes(csv_bytes(data))
    return digest(file)


def csv_bytes(data: Data) -> bytes:
    """The table: a comment line that says what it is, columns with units, values that read back exactly."""
    told, table = data.told, data.table
    about = [
        told.title,
        told.when,
        told.where,
        f"n = {told.n}" if told.n is not None else "",
        *told.filters,
        *told.notes,
    ]
    about += [*told.exclusions, "SYNTHETIC data" if told.synthetic else ""]
    about += [f"{one.role}: {one.title or one.id}, {one.licence}, {one.citation}" for one in told.credits]
    cells = table.copy()
    for name in cells:
        if _is_text(cells[name]):
            cells[name] = cells[name].map(text_cell)
        elif pd.api.types.is_datetime64_any_dtype(cells[name]):
            cells[name] = cells[name].to_numpy("datetime64[us]").astype(str)
    cells.columns = pd.Index([text_cell(_titled(str(name), data.units.get(str(name), ""))) for name in cells])
    buffer = io.StringIO()
    cells.to_csv(buffer, index=False, lineterminator="\n")
    return (head(about) + buffer.getvalue()).encode()


def _titled(name: str, units: str) -> str:
    return f"{name} [{units}]" if units else name


def netcdf_bytes(data: Data) -> bytes:
    """The field as NetCDF-4 with its units, the borders of the cells and what is known of it (CF-1.11 attributes)."""
    import netCDF4

    field, told = data.field, data.told
    assert field is not None
    about = {
        "Conventions": "CF-1.11", "title": told.title, "comment": "; ".join((*told.filters, *told.notes)),
        "period": told.when, "synthetic": int(told.synthetic),
        "references": "; ".join(filter(None, (one.citation for one in told.credits))),
        "loam_told": json.dumps(told.to_json(), ensure_ascii=False),
    }  # fmt: skip
    file = netCDF4.Dataset("figure", "w", memory=1)
    for name, size in field.sizes.items():
        file.createDimension(str(name), size)
    for name, variable in {**field.coords, **field.data_vars}.items():
        _put(file, str(name), variable)
    file.setncatts({key: value for key, value in about.items() if value != ""})
    return bytes(file.close())


def _put(file: Any, name: str, variable: Any) -> None:
    """One variable; moments as microseconds since 1970."""
    values = np.asarray(variable.values)
    is_time = np.issubdtype(values.dtype, np.datetime64)
    values = values.astype("datetime64[us]").astype(np.int64) if is_time else values
    values = values.astype(values.dtype.newbyteorder("="))
    made = file.createVariable(name, values.dtype, tuple(map(str, variable.dims)), zlib=values.ndim > 1)
    made.setncatts({k: v for k, v in variable.attrs.items() if isinstance(v, str | int | float) and v != ""})
    if is_time:
        made.setncatts({"units": "microseconds since 1970-01-01", "calendar": "proleptic_gregorian"})
    made[...] = values


def file_source(data: Data, name: str, sha256: str) -> dict[str, Any]:
    """The source of a recipe whose data lie in a file beside it."""
    texts = [str(column) for column in data.table if _is_text(data.table[column])]
    return {
        "source": FILE, "file": name, "sha256": sha256, "texts": texts, "told": data.told.to_json(),
        "units": dict(data.units), "drawn": dict(data.drawn),
    }  # fmt: skip


def _is_text(column: pd.Series) -> bool:
    return column.dtype == object or isinstance(column.dtype, pd.StringDtype)


def embedded_source(data: Data) -> dict[str, Any]:
    """The source of a recipe that holds its table.

    Raises
    ------
    RecipeError
        If there is more than a recipe holds, or it is a field.
    """
    table = data.table
    if data.field is not None or table.size > MOST_EMBEDDED:
        raise RecipeError("That is too much to stand in a recipe", hint="write it into a file beside the recipe")
    columns = {str(name): [_plain(v) for v in table[name].tolist()] for name in table}
    return {
        "source": EMBEDDED, "columns": columns, "told": data.told.to_json(), "units": dict(data.units),
        "drawn": dict(data.drawn),
    }  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return str(value) if isinstance(value, pd.Timestamp) else value


def file_data(source: Mapping[str, Any], places: Places) -> Data:
    """The data of a file beside the recipe, which must be the file that the recipe was written with.

    Raises
    ------
    RecipeError
        If it is not there, was changed, or can't be read.
    """
    file = places.beside(source["file"])
    if file.stat().st_size > MOST_BYTES:
        raise RecipeError(f"The recipe's data file is larger than {MOST_BYTES // 1_000_000} MB", where=file.name)
    places.unchanged(file.name, digest(file), source["sha256"])
    told = told_of(source["told"], "told")
    try:
        if file.suffix == ".nc":
            return Data(told, field=_read_field(file), units=source["units"], drawn=source["drawn"])
        table = _read_table(file, source["texts"])
    except (OSError, ValueError, KeyError) as error:
        raise RecipeError("The recipe's data file can't be read", where=file.name) from error
    return Data(told, table, units=source["units"], drawn=source["drawn"])


def _read_table(file: Path, texts: Sequence[str]) -> pd.DataFrame:
    """The table of a CSV; ``texts`` are columns that stay text even where they look like numbers."""
    above = _comments(file)
    titles = list(pd.read_csv(file, skiprows=above, nrows=0).columns)
    names = [str(_unquoted(title)).partition(" [")[0] for title in titles]
    kept = {title: str for title, name in zip(titles, names, strict=True) if name in texts}
    table = pd.read_csv(file, skiprows=above, dtype=kept, keep_default_na=False, na_values=[""], low_memory=False)
    table.columns = pd.Index(names)
    return _typed(table)


def _comments(file: Path) -> int:
    """Lines of comment at the head of a CSV."""
    with file.open(encoding="utf-8") as lines:
        for count, line in enumerate(lines):
            if not line.startswith("#"):
                return count
    return 0


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Columns as the drawings have them: times as moments, text as it was before it was kept from being a formula."""
    for name in table:
        if name == "time":
            table[name] = _times(table[name])
        elif _is_text(table[name]):
            table[name] = table[name].astype(object).where(table[name].notna(), "").map(_unquoted)
    return table


def _times(column: pd.Series) -> pd.Series:
    """Moments of texts; of a number nobody can say what it counts."""
    try:
        if not column.dropna().map(lambda one: isinstance(one, str)).all():
            raise TypeError("no text")
        return pd.to_datetime(column, format="ISO8601", utc=True).dt.tz_localize(None).dt.as_unit("ns")
    except (ValueError, TypeError, OverflowError) as error:
        hint = "write them as 2018-07-01T06:00:00, in UTC"
        raise RecipeError("The column time holds no times", hint=hint) from error


def _read_field(file: Path) -> Any:
    import xarray as xr

    with xr.open_dataset(file, engine="netcdf4", mask_and_scale=False) as opened:
        field = opened.load()
    if FIELD not in field:
        raise ValueError("no field")
    return field


def embedded_data(source: Mapping[str, Any]) -> Data:
    """The table that stands in a recipe.

    Raises
    ------
    RecipeError
        If its columns are no lists of one length.
    """
    columns = source["columns"]
    wrong = not isinstance(columns, Mapping) or not all(isinstance(v, list) for v in columns.values())
    if wrong or len({len(v) for v in columns.values()}) > 1 or sum(map(len, columns.values())) > MOST_EMBEDDED:
        raise RecipeError("The recipe's columns must be lists of one length", where="data, columns")
    if not all(v is None or isinstance(v, str | int | float) for one in columns.values() for v in one):
        raise RecipeError("The recipe's columns hold something else than numbers and texts", where="data, columns")
    table = pd.DataFrame({str(name): pd.Series(values) for name, values in columns.items()})
    for name in table:
        if table[name].isna().all():
            table[name] = table[name].astype(float)
    return Data(told_of(source["told"], "told"), _typed(table), units=source["units"], drawn=source["drawn"])
