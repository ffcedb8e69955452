"""Coastlines, borders and land masks from the Natural Earth data shipped with the package.

The files are TopoJSON from npm `world-atlas` 2.0.2 (ISC licence), which repackages Natural Earth
(public domain); `tools/fetch_world_atlas.py` renews them. Lakes count as land, as they do there.
"""

from __future__ import annotations

from smcore.geodata.countries import country_at
from smcore.geodata.land import land_fraction, land_mask
from smcore.geodata.topology import RESOLUTIONS, borders, coastlines

__all__ = ["RESOLUTIONS", "borders", "coastlines", "country_at", "land_fraction", "land_mask"]
