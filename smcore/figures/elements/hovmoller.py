"""A section through time for a notebook: a line or all latitudes over days, as a Hovmöller diagram."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from smcore.errors import SmcoreError
from smcore.figures.colours import usual_range
from smcore.figures.elements.look import (
    HEIGHT,
    INCHES,
    WIDTH,
    colouring,
    dressed,
    label_of,
    plain,
    quantity,
    title_of,
    value_dimension,
)

_PLACES = {"lat": ("latitude", "°"), "lon": ("longitude", "°"), "distance": ("distance along the line", "km")}


def hovmoller_element(
    section: xr.DataArray,
    *,
    colour_map: str = "soil moisture",
    colour_range: tuple[float, float] | None = None,
    title: str | None = None,
) -> Any:
    """Draw a section (time, place), NaN where missing, with time [UTC] to the right.

    Parameters
    ----------
    section
        Dimensions ``time`` and one of ``lat``, ``lon`` [deg] and ``distance`` [km]; attributes as for
        :func:`~smcore.figures.elements.maps.map_element`.

    Returns
    -------
    holoviews.QuadMesh

    Raises
    ------
    SmcoreError
        If the array has other dimensions.
    """
    import holoviews as hv

    place = next((str(dim) for dim in section.dims if dim in _PLACES), "")
    if not place or set(section.dims) != {"time", place}:
        found = ", ".join(map(str, section.dims))
        raise SmcoreError(f"A section has time and one of {', '.join(_PLACES)}, not {found}")
    section = section.transpose(place, "time").sortby(place)
    label, units = _PLACES[place]
    own = section.attrs.get("colour_range")
    low_high = colour_range or usual_range(str(section.name), str(section.attrs.get("units", "")), own and tuple(own))
    both, bokeh, pyplot = colouring(colour_map, low_high, label_of(section))
    both |= {
        "title": title_of(section) if title is None else plain(title),
        "xlabel": "time [UTC]", "ylabel": quantity(label, units),
    }  # fmt: skip
    cells = hv.QuadMesh(
        (section["time"].values, section[place].values, np.asarray(section.values, np.float64)),
        [hv.Dimension("time", unit="UTC"), hv.Dimension(place, label=label, unit=units)],
        value_dimension(section),
    )
    size = {"width": WIDTH + 80, "height": HEIGHT}
    return dressed(cells, both, bokeh | size, pyplot | {"fig_inches": INCHES, "aspect": 1.8, "xrotation": 30})
