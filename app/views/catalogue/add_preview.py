"""What a look at files found, in words and numbers, as our own HTML; everything from the files is escaped."""

from __future__ import annotations

from collections.abc import Iterable

from app.page.controls import alert, esc, number, table
from app.page.language import mark, tr
from smcore.grids import EASE
from smcore.names import unit_label
from smcore.preview import Preview

_LAYOUTS = {
    "cube": mark("a cube: {n} cells"), "pixels": mark("a pixel set: {n} pixels"),
    "stations": mark("a station collection: {n} sensors"),
}  # fmt: skip
_MOST_NOTES = 6


def told(seen: Preview) -> str:
    """The whole preview."""
    unit = unit_label(seen.units)
    rows = [
        (tr("Taken for"), f"{seen.why or seen.named} ({seen.kind})"),
        (tr("Becomes"), tr(_LAYOUTS[seen.layout], n=_thousands(seen.places)) + _grid(seen)),
        (tr("Period"), _period(seen)),
        (tr("Values"), _values(seen, unit)),
        (tr("Variables"), ", ".join(f"{name} [{unit_label(u) or '–'}]" for name, u in seen.variables.items())),
        (tr("Flags"), _flags(seen)),
        (tr("Licence"), seen.licence), (tr("Citation"), seen.citation),
        (tr("Size"), tr("{n} MB as it lies in memory; a store is packed and compressed", n=f"{seen.size / 1e6:,.1f}")),
    ]  # fmt: skip
    first = [(when, number(lat), number(lon), number(value, 4)) for when, lat, lon, value in seen.first]
    head = (tr("Time (UTC)"), tr("Latitude [°]"), tr("Longitude [°]"), f"{seen.variable} [{unit or '–'}]")
    shown = f'<h4 class="tight">{tr("First values")}</h4>{table(head, first, numeric=(1, 2, 3))}' if first else ""
    lacks = "" if seen.has_soil_moisture else alert(
        tr("There is no soil moisture in it: it can be an input of models, but no layer.")
    )  # fmt: skip
    return lacks + _lines(rows) + shown + _notes((*seen.notes, *seen.skipped))


def _grid(seen: Preview) -> str:
    if not seen.shape:
        return ""
    name = f"EASE-Grid 2.0 {EASE[seen.grid][2] / 1000:.0f} km ({seen.grid})" if seen.grid in EASE else ""
    rows, columns = seen.shape
    name = name or tr("latitude × longitude")
    west, south, east, north = seen.bbox or (0.0, 0.0, 0.0, 0.0)
    sides = f"{_side(south, 'SN')} – {_side(north, 'SN')}, {_side(west, 'WE')} – {_side(east, 'WE')}"
    return f", {name}, {rows} × {columns}; {sides}"


def _side(degrees: float, letters: str) -> str:
    return f"{abs(degrees):.2f}° {letters[degrees >= 0]}"


def _period(seen: Preview) -> str:
    if not seen.steps:
        return tr("no steps: maps that do not change")
    start, end = (one[:16].replace("T", " ") for one in (seen.start, seen.end))
    return tr(
        "{start} to {end} UTC, {n} steps", one="{start} UTC, one step", start=start, end=end, n=seen.steps
    ) if seen.steps > 1 else tr("{start} UTC, one step", start=start)  # fmt: skip


def _flags(seen: Preview) -> str:
    """Meanings of the flags; variables that share them stand together."""
    alike: dict[str, list[str]] = {}
    for name, meanings in seen.flags.items():
        alike.setdefault(", ".join(meanings), []).append(name)
    return "; ".join(f"{', '.join(names)}: {meanings}" for meanings, names in alike.items())


def _values(seen: Preview, unit: str) -> str:
    if seen.low is None or seen.high is None or seen.missing is None:
        return tr("no value in the steps looked at")
    of = tr("{n} of {all} steps looked at", n=seen.looked, all=max(seen.steps, 1))
    missing = tr("{share} % missing in places with any", share=number(100 * seen.missing, 1))
    return f"{number(seen.low)} – {number(seen.high)} {unit}; {missing} ({of})"


def _notes(notes: Iterable[str]) -> str:
    said = [f"<li>{esc(note)}</li>" for note in notes]
    more = len(said) - _MOST_NOTES
    rest = f"<li>{tr('and {n} more', n=more)}</li>" if more > 0 else ""
    return f"<ul>{''.join(said[:_MOST_NOTES])}{rest}</ul>" if said else ""


def _lines(rows: Iterable[tuple[str, str]]) -> str:
    body = "".join(
        f'<tr><th scope="row" style="width: 110px">{esc(name)}</th><td>{esc(value)}</td></tr>'
        for name, value in rows
        if value
    )
    return f"<table>{body}</table>"


def _thousands(count: int) -> str:
    return f"{count:,}".replace(",", "\u202f")
