"""Python that makes the picture of a panel again, for a notebook: what *Python* beside *PNG* puts into the clipboard.

The code reads with :mod:`smcore.notebook` and draws with :mod:`smcore.figures.elements`, where ``LOAM_HOME`` is that of
the server. Whatever comes from data or from a link enters it as a literal, never as code. What a notebook can't draw
is refused, so that no code makes another picture than the one it was copied from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from app.map.formula_store import FORMULA
from app.page.colours import LINES, STATION
from app.validation.station_store import Series
from smcore import names
from smcore.catalog import CatalogEntry
from smcore.errors import ExportError
from smcore.masks import answered, resolve

if TYPE_CHECKING:
    from app.store import Store
    from app.validation.result_store import ResultStore
    from smcore.maps import View

_WIDE = 100  # of a line of code
_LONGEST_AREA = 1000  # letters of a polygon in a comment


def map_code(store: Store) -> str:
    """Code of what the map shows, in the part of the world that it shows.

    Raises
    ------
    ExportError
        If there is no product, or the map shows flags, classes or a formula.
    """
    entry = store.entry
    if entry is None:
        raise ExportError("There is no product on the map", hint="choose one first")
    if store.shows_classes(entry):
        raise ExportError("Flags and classes can't be copied as Python", hint="show the product's own variable")
    if store.formula.is_on:
        raise ExportError("A formula can't be copied as Python", hint="copy its parts and reckon with the arrays")
    reader, where = _map_reader(store, entry)
    field = _call(f"notebook.{reader}", *where.pop("positional"), **where)
    colours = {"colour_map": str(store.colours), "colour_range": _numbers(store.colour_range(entry))}
    drawn = _call("map_element", Name("field"), **colours)
    about = f"{store.label(entry)}, {store.when(entry)}"
    return _script(about, ["map_element"], [f"field = {field}", f"picture = {drawn}"], only=_only(store, entry))


def series_code(store: Store) -> str:
    """Code of the curves that the drawer shows, in the period that it shows.

    Raises
    ------
    ExportError
        If it shows none.
    """
    curves = store.curves
    shown = curves.seen()
    told = [one for one in shown if one.entry_id != FORMULA]
    if not told:
        raise ExportError("There are no series to copy", hint="click on the map first")
    period = curves.period(curves.drawn())
    assert period is not None  # there are curves in it
    lines = ["curves = ["]
    lines += [f"    {_curve(store, one)},".replace("\n", "\n    ") for one in told]
    lines += ["]"]
    if store.selection.treatment:
        treated = _call("notebook.without_season", Name("one"), store.selection.treatment)
        lines += [f"curves = [{treated} for one in curves]"]
    drawn = {
        "title": curves.place(), "period": tuple(str(t.astype("datetime64[s]")) for t in period),
        "colours": [_colour(one) for one in told],
    }  # fmt: skip
    lines += [f"picture = {_call('series_element', Name('curves'), **drawn)}"]
    left_out = ["the formula's curve"] if len(told) < len(shown) else []
    left_out += ["the rain"] if curves.rain_seen() is not None else []
    left_out += ["the frozen days"] if curves.frozen() is not None else []
    imports = ["from smcore.areas import Area"] if store.selection.area else []
    only = _only(store, *(store.catalog.get(one.entry_id) for one in told if not one.is_station))
    return _script(curves.place(), ["series_element"], lines, left_out, imports, only)


def scatter_code(store: Store, product_id: str) -> str:
    """Code of the pairs of the chosen sensor with one product.

    Raises
    ------
    ExportError
        If there are no pairs.
    """
    score = next((s for s in store.stations.scores() if s.entry.id == product_id), None)
    collection = store.stations.entry
    if score is None or collection is None or not score.n:
        raise ExportError("There are no pairs to copy", hint="choose a product with pairs")
    sides = _entry(score.entry), _entry(collection), str(store.selection.sensor)
    quality = store.masks.of(score.entry).quality
    rules = answered([store.masks.held(one) for one in (score.entry, collection)], store.masks.rules)
    masks = ({"quality": quality} if quality != "all" else {}) | ({"masks": rules} if rules else {})
    lines = [
        f"pairs = {_call('notebook.read_pairs', *sides, **masks)}", "picture = scatter_element(**pairs.drawn())",
    ]  # fmt: skip
    about = f"{store.label(score.entry)} against {store.selection.sensor}"
    return _script(about, ["scatter_element"], lines, only=_only(store, score.entry))


def section_code(store: Store, view: View, colour_map: str, colour_range: tuple[float, float]) -> str:
    """Code of the Hovmöller diagram, of every step and cell of what it is drawn over.

    Raises
    ------
    ExportError
        If none is open, or it is not of a product's own variable.
    """
    entry, chosen = store.entry, store.selection
    if entry is None or not chosen.hovmoller:
        raise ExportError("There is no Hovmöller diagram to copy", hint="open one first")
    if store.combines or store.variable(entry) != entry.variable:
        raise ExportError("This Hovmöller diagram can't be copied as Python", hint="show the product's own values")
    asked = store.ranges.asked() if store.ranges.is_on else None
    where: dict[str, Any] = {} if asked is None else {"first": asked.first, "last": asked.last}
    if chosen.hovmoller == "line":
        if chosen.line is None:
            raise ExportError("There is no line yet", hint="draw one on the map")
        ends = _numbers(chosen.line)
        where |= {"line": (ends[:2], ends[2:])}
    else:
        where |= {"window": _section_window(store, entry, view)}
    section = _call("notebook.read_section", _entry(entry), **where, **_masks(store, entry, entry.variable))
    drawn = _call("hovmoller_element", Name("section"), colour_map=str(colour_map), colour_range=_numbers(colour_range))
    about = f"{store.label(entry)}, Hovmöller diagram"
    lines = [f"section = {section}", f"picture = {drawn}"]
    return _script(about, ["hovmoller_element"], lines, only=_only(store, entry))


def metric_code(results: ResultStore) -> str:
    """Code of the metric that the map shows of a run.

    Raises
    ------
    ExportError
        If there is no run, or the map shows who is better where.
    """
    run = results.opened()
    if run is None:
        raise ExportError("There is no run on the map", hint="open one first")
    if results.shows_verdicts:
        raise ExportError("Verdicts can't be copied as Python", hint="show a metric")
    product, metric = results.product(run), results.metric(run)
    name, reader, element = (
        ("field", "read_metric_map", "map_element") if run.is_grid else ("table", "read_metric", "metric_map_element")
    )
    lines = [
        f"{name}, style = {_call(f'notebook.{reader}', run.folder.name, product, metric)}",
        f"picture = {element}({name}, **style)",
    ]
    return _script(f"{metric} of {results.label(product)} against {results.label(run.reference)}", [element], lines)


def _section_window(store: Store, entry: CatalogEntry, view: View) -> tuple[float, ...]:
    """The cells of the box or in view, by the centres of the outer ones, which find just these cells again."""
    rows, columns = store.hovmoller.cells(entry, view)
    if len(columns) > 1:
        raise ExportError(
            "A Hovmöller diagram over the edge of the grid can't be copied as Python",
            hint="choose cells on one side of the dateline",
        )
    grid, (across,) = store.grid(entry), columns
    return _numbers((grid.lon[across.start], grid.lat[rows.stop - 1], grid.lon[across.stop - 1], grid.lat[rows.start]))


# -- what is read ------------------------------------------------------------------------------------------------
def _map_reader(store: Store, entry: CatalogEntry) -> tuple[str, dict[str, Any]]:
    """Which function reads what the map shows, and with what."""
    masks, window = _masks(store, entry, store.variable(entry)), _window(store, entry)
    if store.ranges.is_on:
        if store.comparison.is_on or store.variable(entry) != entry.variable:
            raise ExportError("This range of days can't be copied as Python", hint="show the product's own values")
        asked = store.ranges.asked()
        rules = {"percentile": float(asked.percentile)} if asked.kind == "percentile" else {}
        rules |= {"least": float(asked.least)} if asked.kind != "share" else {}
        return "read_aggregate", {
            "positional": (_entry(entry), asked.kind, asked.first, asked.last), **rules, **window, **masks,
        }  # fmt: skip
    moment = _moment(store, entry)
    other = store.comparison.other if store.comparison.is_on else None
    if other is not None:
        onto = {"onto": str(store.selection.onto)} if store.selection.onto else {}
        both = _both_masks(store, entry, other)
        return "read_difference", {"positional": (_entry(entry), _entry(other), moment), **onto, **window, **both}
    variable = store.variable(entry)
    own = {} if variable == entry.variable else {"variable": str(variable)}
    return "read_map", {"positional": (_entry(entry), moment), **own, **window, **masks}


def _curve(store: Store, one: Series) -> str:
    entry = store.catalog.get(one.entry_id)
    if one.is_station:
        row = one.made_of[2]  # of the sensor in its collection
        assert isinstance(row, int)
        return _call("notebook.read_sensor", _entry(entry), str(store.stations.table()["sensor"].iloc[row]))
    masks = _masks(store, entry, entry.variable)
    area = store.curves.areas.area if store.selection.area else None
    if area is not None:
        corners = Name(f"Area({tuple((float(x), float(y)) for x, y in area.vertices)!r})")
        return _call("notebook.read_area", _entry(entry), corners, least_share=float(store.curves.areas.least), **masks)
    lat, lon = (float(v) for v in store.selection.point)
    return _call("notebook.read_series", _entry(entry), lat, lon, **masks)


def _masks(store: Store, entry: CatalogEntry, variable: str) -> dict[str, Any]:
    """What is left out of a product: the rules that it can answer."""
    mask = store.masks.of(entry, variable)
    found: dict[str, Any] = {"quality": str(mask.quality)} if mask.bits is not None else {}
    return found | ({"masks": tuple(mask.rules)} if mask.rules else {})


def _both_masks(store: Store, *entries: CatalogEntry) -> dict[str, Any]:
    """What is left out of two products, each of which answers what it can; refused where one has another unit."""
    held = [store.masks.held(entry) for entry in entries]
    quality, rules = str(store.selection.quality), answered(held, store.masks.rules)
    for one in held:
        resolve(one, quality, rules)
    is_told = quality != "all" and any(quality in one.quality_rules() for one in held)
    return ({"quality": quality} if is_told else {}) | ({"masks": rules} if rules else {})


def _window(store: Store, entry: CatalogEntry) -> dict[str, Any]:
    """The part of the world on the map, unless it holds the whole product."""
    view = store.selection.view
    if view is None:
        return {}
    west, south, east, north = store.map_grid(entry).bbox
    turn = 360.0 * np.round(((view[0] + view[2]) - (west + east)) / 720.0)
    if view[0] - turn <= west and view[1] <= south and view[2] - turn >= east and view[3] >= north:
        return {}
    return {"window": tuple(round(float(v), 6) for v in view)}


def _only(store: Store, *entries: CatalogEntry) -> list[str]:
    """What to say of predictions that are of a polygon: which."""
    areas = {entry.id: " ".join(str(store.opened(entry).attrs.get("area", "")).split()) for entry in entries}
    return [
        f"{entry_id} has only cells whose centres lie in "
        + (area if len(area) <= _LONGEST_AREA else f"{area[:_LONGEST_AREA]} … (attribute area of the store)")
        for entry_id, area in areas.items() if area
    ]  # fmt: skip


def _moment(store: Store, entry: CatalogEntry) -> str:
    """The step on the map as a time that finds it again: its day, or the middle of what it stands for."""
    from app.store import centre

    moment = store.times(entry)[store.step(entry)] + centre(entry)
    return str(moment)[:10] if entry.time_support == names.DAY_MEAN else str(moment.astype("datetime64[s]"))


def _colour(one: Series) -> str:
    return STATION["light"] if one.is_station else LINES["light"][one.order % len(LINES["light"])]


# -- how it is written -------------------------------------------------------------------------------------------
class Name(str):
    """Code that stands for itself; any other text becomes a literal."""

    __slots__ = ()


def _entry(entry: CatalogEntry) -> Name:
    return Name(f"catalog.get({entry.id!r})")


def _numbers(pair: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(v) for v in pair)


def _literal(value: Any) -> str:
    return str(value) if isinstance(value, Name) else repr(value)


def _call(function: str, *positional: Any, **named: Any) -> str:
    """A call on one line, or with an argument a line where that would be too wide."""
    arguments = [*map(_literal, positional), *(f"{name}={_literal(value)}" for name, value in named.items())]
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= _WIDE:
        return line
    return f"{function}(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")"


def _printable(text: str) -> str:
    """One line, so that no name or attribute ends the comment that it stands in."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def _script(
    about: str, elements: Sequence[str], lines: Sequence[str], left_out: Sequence[str] = (),
    imports: Sequence[str] = (), only: Sequence[str] = (),
) -> str:  # fmt: skip
    """The whole: what it shows, imports, the catalogue, and the picture as the last expression."""
    comments = [f"# {_printable(said)}" for said in (f"Loam: {about}", *only)]
    comments += ["# Run it where LOAM_HOME is set as for the server."]
    comments += [f"# Left out: {', '.join(left_out)}."] if left_out else []
    return "\n".join(
        [
            *comments, "import holoviews as hv", "", "from smcore import notebook", *imports,
            f"from smcore.figures.elements import {', '.join(elements)}", "", 'hv.extension("bokeh")',
            "catalog = notebook.catalogue()", *lines, "picture", "",
        ]
    )  # fmt: skip
