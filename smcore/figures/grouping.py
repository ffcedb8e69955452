"""Locations of a run by network, land cover, climate …: as the run's own strata have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smcore.errors import RecipeError

if TYPE_CHECKING:
    from smcore.validation.runs.results import RunResults

NETWORK = "network"
UNKNOWN = "not known"


def group_of(results: RunResults, stratum: str) -> dict[str, str]:
    """Level of each subject (sensor, or location where there is no sensor) of a run in one division of it.

    Raises
    ------
    RecipeError
        If the run was not divided so.
    """
    known = [name for name in results.stratum_names if name not in ("season", "source", "overpass")]
    if stratum in known:
        table = results.strata[results.strata["stratum"] == stratum]
        table = table[~table["location"].astype(str).str.startswith("*")]
        name = "level"
    elif stratum == NETWORK and NETWORK in results.metrics:
        table, name = results.metrics[~results.metrics["location"].astype(str).str.startswith("*")], NETWORK
    else:
        raise RecipeError(
            f"The run does not divide its stations by {stratum.replace('_', ' ')[:60]}", where=results.folder.name,
            hint=results.missing_strata.get(stratum) or f"it has {', '.join(dict.fromkeys((*known, NETWORK)))}",
        )  # fmt: skip
    subject = table["sensor"].astype(str).where(table["sensor"].astype(str) != "", table["location"].astype(str))
    levels = table[name].astype(str).where(table[name].astype(str).str.strip() != "", UNKNOWN)
    return dict(zip(subject, levels, strict=True))
