"""Where a station lies, as SVG: the 36, 9 and 1 km cells around it, with the land cover of its cell where known."""

from __future__ import annotations

import math
from collections.abc import Callable

from app.controls import esc
from app.language import tr
from app.review_page import Facts
from smcore.review.station.footprints import Footprint, standard_footprints

Place = Callable[[float, float], tuple[float, float]]
SIDE = 150
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

    parts = [_outline(cell, at) for cell in cells]
    near = [at(x, y) for y, x in others]
    parts += [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="none" stroke="currentColor" opacity="0.6"/>'
        for x, y in near if 0 <= x <= SIDE and 0 <= y <= SIDE
    ]  # fmt: skip
    x, y = at(lon, lat)
    parts.append(f'<path d="M{x:.1f} {y - 5:.1f}l4.5 8h-9z" fill="#d55e00" stroke="currentColor"/>')
    said = tr("cells of 36, 9 and 1 km around the station; circles: other stations of the run")
    svg = (
        f'<svg viewBox="0 0 {SIDE} {SIDE}" width="{SIDE}" height="{SIDE}" role="img" aria-label="{esc(said)}">'
        f"<title>{esc(said)}</title>{''.join(parts)}</svg>"
    )
    return (
        f'<div style="display:flex;gap:12px">{svg}<div>{_cover(facts)}<div class="muted">{esc(said)}</div></div></div>'
    )


def _outline(cell: Footprint, at: Place) -> str:
    points = " ".join("{:.1f},{:.1f}".format(*at(x, y)) for x, y in zip(cell.lon, cell.lat, strict=True))
    left, top = at(float(cell.lon[3]), float(cell.lat[3]))
    label = f'<text x="{left + 3:.1f}" y="{top + 11:.1f}" font-size="10" fill="currentColor">{esc(cell.title)}</text>'
    wide = at(float(cell.lon[1]), float(cell.lat[1]))[0] - at(float(cell.lon[0]), float(cell.lat[0]))[0]
    return f'<polygon points="{points}" fill="none" stroke="currentColor"/>' + (label if wide > 30 else "")


COVERS = ("#a6cee3", "#b2df8a", "#fdbf6f", "#cab2d6", "#ffff99", "#fb9a99")


def _cover(facts: Facts | None) -> str:
    """Shares of land cover in the cell, as a bar and in words."""
    one = facts.representativeness if facts is not None else None
    if one is None or one.land_cover is None:
        return ""
    shares = one.land_cover.shares[: len(COVERS)]
    bar = "".join(
        f'<span style="flex:{share:.3f};background:{colour}" title="{esc(name)} {share:.0%}"></span>'
        for (name, share), colour in zip(shares, COVERS, strict=False)
    )
    keys = "".join(
        f'<div><span class="swatch" style="background:{colour}"></span>{esc(name)} {share:.0%}</div>'
        for (name, share), colour in zip(shares, COVERS, strict=False)
    )
    return f'<div style="display:flex;height:12px;margin:2px 0 4px">{bar}</div>{keys}'
