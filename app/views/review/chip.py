"""Where a station lies, as SVG: the 36, 9 and 1 km cells around it, with the land cover of its cell where known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from app.page.controls import esc, swatch
from app.page.language import tr
from app.page.words import word
from app.review.page import Facts
from smcore.figures.colours import CLASSES
from smcore.review.station.cover_map import CoverMap
from smcore.review.station.footprints import Footprint, standard_footprints
from smcore.validation.strata.land_cover import IGBP, igbp_name

Place = Callable[[float, float], tuple[float, float]]
SIDE = 150
MOST_KEYS = 7
"""Classes that the legend names, the largest first."""
MARGIN = 1.12
"""How much more than the largest cell is shown."""


def chip(lat: float, lon: float, others: list[tuple[float, float]], facts: Facts | None) -> str:
    """The place of a station [deg], the stations near it, and what the cell is made of, as markup."""
    cells = standard_footprints(lat, lon)
    if not cells:
        return ""
    largest = cells[0]
    middle = (float(largest.lon[0] + largest.lon[1]) / 2, float(largest.lat[0] + largest.lat[2]) / 2)
    scale = math.cos(math.radians(middle[1]))  # degrees of longitude are shorter
    half = max((largest.lon[1] - largest.lon[0]) * scale, largest.lat[2] - largest.lat[0]) / 2 * MARGIN

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            SIDE / 2 * (1 + (x - middle[0]) * scale / half),
            SIDE / 2 * (1 - (y - middle[1]) / half),
        )

    cover = facts.cover if facts is not None else None
    parts = _cover_paths(cover, at) if cover is not None else []
    parts += [_outline(cell, at) for cell in cells]
    near = [at(x, y) for y, x in others]
    parts += [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="none" stroke="currentColor" opacity="0.6"/>'
        for x, y in near if 0 <= x <= SIDE and 0 <= y <= SIDE
    ]  # fmt: skip
    x, y = at(lon, lat)
    parts.append(f'<path d="M{x:.1f} {y - 5:.1f}l4.5 8h-9z" fill="#d55e00" stroke="currentColor"/>')
    said = tr("cells of 36, 9 and 1 km around the station; circles: other stations of the run")
    size = f'viewBox="0 0 {SIDE} {SIDE}" width="{SIDE}" height="{SIDE}" style="flex:none"'
    svg = f'<svg {size} role="img" aria-label="{esc(said)}"><title>{esc(said)}</title>{"".join(parts)}</svg>'
    return (
        f'<div style="display:flex;gap:12px">{svg}<div>{_cover(facts)}<div class="about">{esc(said)}</div>'
        f"{_origin(cover)}</div></div>"
    )


def _outline(cell: Footprint, at: Place) -> str:
    points = " ".join("{:.1f},{:.1f}".format(*at(x, y)) for x, y in zip(cell.lon, cell.lat, strict=True))
    halo = f'<polygon points="{points}" fill="none" stroke="var(--paper)" stroke-width="3.5" stroke-opacity="0.75"/>'
    left, top = at(float(cell.lon[3]), float(cell.lat[3]))
    look = 'font-size="10" fill="currentColor" stroke="var(--paper)" stroke-width="3" paint-order="stroke"'
    label = f'<text x="{left + 3:.1f}" y="{top + 11:.1f}" {look}>{esc(cell.title)}</text>'
    wide = at(float(cell.lon[1]), float(cell.lat[1]))[0] - at(float(cell.lon[0]), float(cell.lat[0]))[0]
    return f'{halo}<polygon points="{points}" fill="none" stroke="currentColor"/>' + (label if wide > 30 else "")


def _cover_paths(cover: CoverMap, at: Place) -> list[str]:
    """The classes of a map, one path each, runs of equal cells of a row as one; nothing where nothing is known."""
    x = [at(float(lon), float(cover.lat_edges[0]))[0] for lon in cover.lon_edges]
    y = [at(float(cover.lon_edges[0]), float(lat))[1] for lat in cover.lat_edges]
    paths: dict[int, list[str]] = {}
    for i, row in enumerate(cover.classes):
        ends = np.flatnonzero(np.diff(row)) + 1
        for first, stop in zip([0, *ends.tolist()], [*ends.tolist(), len(row)], strict=True):
            wide, high = x[stop] - x[first], y[i + 1] - y[i]
            paths.setdefault(int(row[first]), []).append(
                f"M{x[first]:.1f} {y[i]:.1f}h{wide:.1f}v{high:.1f}h{-wide:.1f}z"
            )
    return [
        f'<path d="{"".join(runs)}" fill="{_colour(number)}" stroke="{_colour(number)}" stroke-width="0.3"/>'
        for number, runs in paths.items() if number >= 0
    ]  # fmt: skip


def _colour(number: int) -> str:
    """Colour of a class, that of the map's layer of classes."""
    order = list(IGBP)
    return CLASSES[(order.index(number) if number in order else number) % len(CLASSES)]


def _name(number: int) -> str:
    return igbp_name(number) or f"class {number}"


def _origin(cover: CoverMap | None) -> str:
    return "" if cover is None else f'<div class="about">{esc(tr("land cover: {origin}", origin=cover.origin))}</div>'


def _cover(facts: Facts | None) -> str:
    """Classes of the picture with their colours, and what share of the product's cell each takes."""
    about = facts.representativeness if facts is not None else None
    shares = dict(about.land_cover.shares) if about is not None and about.land_cover is not None else {}
    seen = np.unique(facts.cover.classes).tolist() if facts is not None and facts.cover is not None else []
    numbers = {_name(number): number for number in seen if number >= 0}
    for name in shares:
        numbers.setdefault(name, next((n for n, said in IGBP.items() if said == name), 0))
    order = sorted(numbers, key=lambda name: -shares.get(name, 0.0))
    said = {name: f" {shares[name]:.0%}" if name in shares else "" for name in order}
    keys = "".join(
        f"<div>{swatch(_colour(numbers[name]))}{esc(word(name))}{said[name]}</div>" for name in order[:MOST_KEYS]
    )
    rest = len(order) - MOST_KEYS
    more = f'<div class="about">{esc(tr("{n} more", n=rest))}</div>' if rest > 0 else ""
    told = esc(tr("shares of the product's cell"))
    of = f'<div class="about">{told}</div>' if shares else ""
    return f"{keys}{more}{of}"
