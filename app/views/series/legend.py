"""The legend of the series, which is also the choice of what is drawn: each name is a button that hides its curve."""

from __future__ import annotations

import numpy as np

from app.page.controls import esc, swatch
from app.page.language import tr
from app.page.titles import DEMONSTRATION
from app.series.backdrop import Frozen, Rain
from app.validation.station_store import DEEP_M, Series
from app.views.series.figure import line_colour
from smcore.figures.colours import FROZEN, RAIN
from smcore.figures.series import is_told


def legend(series: list[Series], hidden: frozenset[str], theme: str, place: str, seen: set[int], more: str) -> str:
    """Markup: the place, a button for each product and one for the stations, and what the marks mean.

    Parameters
    ----------
    seen
        Positions in ``series`` of the curves with a value in the period shown; the names of others are pale.
    more
        Further markup of what is drawn behind the curves.
    """
    shown = [s for s in series if s.entry_id not in hidden]
    alike = bool(series) and all(s.synthetic for s in series)
    stations = [(i, s) for i, s in enumerate(series) if s.is_station]
    keys = _stations(stations, hidden, theme, seen)
    for i, s in enumerate(series):
        if not s.is_station:
            badge = "" if alike or not s.synthetic or s.label.startswith(DEMONSTRATION) else f" {_badge()}"
            name = f"{swatch(line_colour(s, theme))}{esc(shortened(s.label))}{badge}"
            keys.append(_button(s.entry_id, s.name, name, drawn=s.entry_id not in hidden, pale=i not in seen))
    notes = "".join(f'<span class="muted key">{note}</span>' for note in _notes(shown))
    synthetic = f"{_badge()} " if alike else ""
    where = f'<span class="muted key" title="{esc(place)}">{esc(shortened(place, 44))}</span>'
    return f"{synthetic}{where}{''.join(keys)}{notes}{more}"


def _badge() -> str:
    return f'<span class="badge">{tr("synthetic")}</span>'


def shortened(label: str, most: int = 30) -> str:
    """A label that fits a legend, with what stands in brackets at its end; the whole one is shown on hovering."""
    if len(label) <= most:
        return label
    tail = label[label.rindex(" (") + 1 :] if label.endswith(")") and " (" in label else ""
    if len(tail) > most - 10:
        tail = ""
    return label[: most - 1 - len(tail)].rstrip(" ,") + "…" + tail


def _button(entry_id: str, title: str, name: str, *, drawn: bool, pale: bool) -> str:
    hint = title + tr(": ") + (tr("hide") if drawn else tr("draw"))
    hint += tr(" (no value in this period)") if pale and drawn else ""
    kind = "key toggle" + ("" if drawn else " off") + (" pale" if pale and drawn else "")
    return (
        f'<button type="button" class="{kind}" data-open="series:{esc(entry_id)}" aria-pressed="{str(drawn).lower()}"'
        f' title="{esc(hint)}">{name}</button>'
    )


def _stations(stations: list[tuple[int, Series]], hidden: frozenset[str], theme: str, seen: set[int]) -> list[str]:
    """One button for the sensors of the cell: the first by name, the others counted and named on hovering."""
    if not stations:
        return []
    first = stations[0][1]
    every = "; ".join(s.label for _, s in stations)
    name = swatch(line_colour(first, theme)) + esc(shortened(first.label, 32))
    if len(stations) > 1:
        name += f' <span class="muted">{tr("+ {n} in the cell", n=len(stations) - 1)}</span>'
    if any(s.depth_m >= DEEP_M for _, s in stations):
        every += tr(" (dashed from 10 cm down)")
    drawn = first.entry_id not in hidden
    return [_button(first.entry_id, every, name, drawn=drawn, pale=not any(i in seen for i, _ in stations))]


def _notes(shown: list[Series]) -> list[str]:
    notes = []
    if any(is_told(s.source) for s in shown):
        notes.append(tr("● observed, ○ filled"))
    if any(s.recommended is not None and (np.isfinite(s.value) & ~s.recommended).any() for s in shown):
        notes.append(tr("× not recommended"))
    if any(s.half_width is not None for s in shown):
        notes.append(tr("shaded: 90 % band"))
    return notes


def behind_keys(rain: Rain | None, frozen: Frozen | None, theme: str) -> str:
    """Markup that says whose rain hangs from the top, and by what the soil is called frozen."""
    keys = []
    if rain is not None:
        keys.append(
            (
                RAIN[theme],
                tr("rain: {label}", label=rain.label),
                tr("mean of each UTC day, mm d⁻¹, downwards from the top"),
            )
        )
    if frozen is not None and len(frozen.start):
        keys.append((FROZEN[theme], tr("frozen: {source}", source=frozen.source), tr("shaded")))
    return "".join(
        f'<span class="muted key" title="{esc(text + tr(": ") + more)}">'
        f"{swatch(colour)}{esc(shortened(text, 44))}</span>"
        for colour, text, more in keys
    )


def defined(definition: str) -> str:
    """Markup of how an anomaly or a climatology is computed, whole on hovering."""
    if not definition:
        return ""
    return f'<span class="muted key" title="{esc(definition)}">{esc(shortened(definition, 70))}</span>'
