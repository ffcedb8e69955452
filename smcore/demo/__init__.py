"""The demo world: a synthetic world with known truth, made from a seed. Nothing in it was measured.

Only its coastline and its grids are real. Relief, soil, land cover, climate, weather, observations and stations are
generated; the truth is kept as hidden entries and used for scoring alone. ``docs/demo-world.md`` describes it.
"""

from __future__ import annotations

from smcore.demo.world import SEED, VERSION

__all__ = ["SEED", "VERSION"]
