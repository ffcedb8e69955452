"""The scores of a row: against truth, observations and stations, by gap age, and how well it keeps coarse values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.models.arrays import Floats, member_mean
from smcore.validation.gaps.scores import AGES, age_class

from .frames import Frame, at_overpass
from .judging import DIGITS, METRICS, metrics, sample_of, scores

TRUTH, SMAP, STATIONS, COARSE = "truth", "smap", "stations", "coarse"
SMAP_AT_STATIONS = "smap at stations"


def row_scores(values: Floats, field: Floats, frame: Frame) -> dict[str, Any]:
    """Everything that a row says about accuracy; references that a scene lacks are left out.

    Parameters
    ----------
    values
        (k,) at the scored values.
    field
        (T, N) of the whole test period.
    """
    found: dict[str, Any] = {"given": round(float(np.isfinite(values).mean()), DIGITS)}
    for name, reference in ((TRUTH, frame.truth), (SMAP, frame.smap)):
        if reference is not None:
            found[name] = scores(values, reference, frame.sample)
            if frame.age is not None:
                found[f"{name} by gap age"] = _by_age(values, reference, frame)
    if frame.truth is not None and frame.smap is not None:
        found["smap against truth"] = scores(frame.smap, frame.truth, frame.sample)
    if frame.stations is not None:
        found |= _at_stations(frame.spread(values), frame)
    if frame.coarse is not None:
        found[COARSE] = _coarse(field, frame)
    if frame.scene.step == "3h" and frame.stations is not None:
        found |= _by_hour(frame.spread(values), frame)
    return found


def _by_age(values: Floats, reference: Floats, frame: Frame) -> dict[str, Any]:
    assert frame.age is not None
    code = age_class(frame.age)
    result = {}
    for number, label in enumerate(AGES):
        chosen = np.flatnonzero(code == number)
        if len(chosen):
            part = scores(values[chosen], reference[chosen], frame.sample.pick(chosen))
            result[label] = {"n": part["n"]} | {m: part["pooled"][m] for m in ("rmsd", "pearson_r") if "pooled" in part}
    return result


def _at_stations(field: Floats, frame: Frame) -> dict[str, Any]:
    """The row's values, and the observations it fills, at the same sensors on the same steps."""
    assert frame.stations is not None
    own = field[:, frame.stations.cell]
    found = {STATIONS: _pairs(own, frame.stations.values, frame)}
    if frame.smap is not None:
        seen = frame.spread(frame.smap)[:, frame.stations.cell]
        found[SMAP_AT_STATIONS] = _pairs(np.where(np.isfinite(own), seen, np.nan), frame.stations.values, frame)
    return found


def _pairs(product: Floats, reference: Floats, frame: Frame, steps: NDArray[np.bool_] | None = None) -> dict[str, Any]:
    assert frame.stations is not None
    kept = np.isfinite(product) & np.isfinite(reference)
    if steps is not None:
        kept &= steps
    step, sensor = np.nonzero(kept)
    day = (frame.time[step] - frame.time[0]).astype("timedelta64[D]").astype(np.int64)
    where = frame.stations.cell
    sample = sample_of(day, sensor, frame.lat[where], frame.lon[where])
    return scores(product[step, sensor], reference[step, sensor], sample)


def _by_hour(field: Floats, frame: Frame) -> dict[str, Any]:
    """At stations, steps at the overpasses (06 and 18 local) and the others."""
    assert frame.stations is not None
    hour = (frame.time - frame.time.astype("datetime64[D]")).astype("timedelta64[h]").astype(np.int64)
    local = (hour[:, None] + frame.lon[frame.stations.cell][None] / 15.0) % 24
    passing = (np.abs(local - 6) <= 1.5) | (np.abs(local - 18) <= 1.5)
    own, seen = field[:, frame.stations.cell], frame.stations.values
    return {
        "stations, overpass hours": _pairs(own, seen, frame, passing),
        "stations, other hours": _pairs(own, seen, frame, ~passing),
    }


def _coarse(field: Floats, frame: Frame) -> dict[str, Any]:
    """The mean over the scored cells of a coarse one, at its overpass, against the coarse observation."""
    coarse = frame.coarse
    assert coarse is not None
    whole = np.where(np.isfinite(frame.spread(frame.reference)).any(axis=0), field, np.nan).astype(np.float32)
    inside = np.where(np.isfinite(whole).any(axis=0), coarse.member, -1)
    present = np.unique(inside[inside >= 0])
    if not len(present):
        return {"n": 0, "cells": 0}
    member = np.where(inside >= 0, np.searchsorted(present, inside), -1)
    mean = member_mean(whole, member.astype(np.int64), len(present))
    days = at_overpass(mean, frame.time, _some(coarse, present))
    day, cell = np.nonzero(np.isfinite(days) & np.isfinite(coarse.values[:, present]))
    sample = sample_of(day, cell, coarse.lat[present], coarse.lon[present])
    return scores(days[day, cell], coarse.values[:, present][day, cell], sample)


def _some(coarse: Any, present: NDArray[np.int64]) -> Any:
    from dataclasses import replace

    return replace(coarse, lat=coarse.lat[present], lon=coarse.lon[present])


def by_location(values: Floats, frame: Frame) -> dict[str, list[Any]]:
    """Metrics of each location against the reference, for scenes of so few that a table over folds can be made."""
    kept = np.flatnonzero(np.isfinite(values) & np.isfinite(frame.reference))
    cells, member, count = np.unique(frame.cell[kept], return_inverse=True, return_counts=True)
    found = metrics(
        values[kept].astype(np.float64), frame.reference[kept].astype(np.float64), member.ravel(), len(cells)
    )
    table: dict[str, list[Any]] = {"location": cells.tolist(), "n": count.tolist()}
    for name in METRICS:
        table[name] = [round(float(v), DIGITS) if np.isfinite(v) else None for v in found[name]]
    return table
