"""A map for a notebook: a field on its own cells with the coast on top, in degrees or in any projection."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from smcore.figures.colours import usual_range
from smcore.figures.elements.look import (
    COAST,
    HEIGHT,
    INCHES,
    WIDTH,
    Options,
    coast,
    colouring,
    degrees,
    dressed,
    edges,
    label_of,
    title_of,
    value_dimension,
)


def map_element(
    field: xr.DataArray,
    *,
    colour_map: str = "soil moisture",
    colour_range: tuple[float, float] | None = None,
    title: str | None = None,
    projection: Any = None,
) -> Any:
    """Draw a field (lat, lon), NaN where missing, and give an overlay of its cells and the coast.

    Parameters
    ----------
    field
        Centres of the cells [deg] in ``lat`` and ``lon``, their edges in ``south``, ``north``, ``west`` and ``east``
        (half-way between the centres where there are none); in its attributes ``units``, ``long_name``, ``title``,
        ``when``, ``synthetic`` and ``colour_range``.
    colour_range
        Lowest and highest value of the colours; values beyond have colours of their own. None: that of the attributes,
        else the usual one of the variable.
    projection
        A cartopy projection: the map is then of GeoViews elements, drawn in it. None: longitude and latitude.

    Returns
    -------
    holoviews.Overlay
        ``QuadMesh`` and ``Path``, of HoloViews or, with a projection, of GeoViews.

    Raises
    ------
    SmcoreError
        If the colour map is unknown or the range empty.
    """
    field = field.transpose("lat", "lon").sortby("lat")
    lat, lon = edges(field, "lat"), edges(field, "lon")
    low_high = colour_range or _own_range(field)
    both, bokeh, pyplot = colouring(colour_map, low_high, label_of(field))
    both |= {"title": title_of(field) if title is None else title}
    module, extra = _elements(projection)
    cells = module.QuadMesh(
        (lon, lat, np.asarray(field.values, np.float64)),
        [degrees("lon"), degrees("lat")],
        value_dimension(field),
        **extra,
    )
    box = float(lon[0]), float(lat[0]), float(lon[-1]), float(lat[-1])
    line = module.Path([coast(*box)], [degrees("lon"), degrees("lat")], **extra)
    placed = _placed(box, projection)
    coloured = _drawn(cells, both | placed, bokeh, pyplot)
    return coloured * _drawn(
        line, placed | {"color": COAST, "apply_ranges": False}, {"line_width": 0.8}, {"linewidth": 0.6}
    )


def _own_range(field: xr.DataArray) -> tuple[float, float]:
    own = field.attrs.get("colour_range")
    pair = (float(own[0]), float(own[1])) if own is not None else None
    return usual_range(str(field.name), str(field.attrs.get("units", "")), pair)


def _elements(projection: Any) -> tuple[Any, dict[str, Any]]:
    """The module that makes the elements, and what they must be told."""
    if projection is None:
        import holoviews as hv

        return hv, {}
    import geoviews
    from cartopy.crs import PlateCarree

    class Degrees(PlateCarree):  # type: ignore[misc]
        """GeoViews 1.15 looks for ``lon_0``, which cartopy 0.26 leaves out."""

        @property
        def proj4_params(self) -> dict[str, Any]:
            return {"lon_0": 0.0, **super().proj4_params}

    return geoviews, {"crs": Degrees()}


def _placed(box: tuple[float, float, float, float], projection: Any) -> dict[str, Any]:
    """Axes of a box of degrees on which a kilometre is as long in both directions, or those of a projection."""
    if projection is not None:
        return {"projection": projection}
    west, south, east, north = box
    stretch = 1 / max(float(np.cos(np.radians((south + north) / 2))), 0.2)
    return {
        "xlabel": "longitude [°]", "ylabel": "latitude [°]", "xlim": (west, east), "ylim": (south, north),
        "data_aspect": stretch,
    }  # fmt: skip


def _drawn(element: Any, both: Options, bokeh: Options, pyplot: Options) -> Any:
    size = {"frame_width": WIDTH - 160} if "data_aspect" in both else {"width": WIDTH, "height": HEIGHT}
    return dressed(element, both, bokeh | size, pyplot | {"fig_inches": INCHES})
