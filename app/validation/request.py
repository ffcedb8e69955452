"""Validations as the app asks for them: a request of plain values, what it would compare, and the run in its folder.

The session only builds requests and reads what a run left in its folder; :func:`check_job` and :func:`run_job` run in
the worker process. A run's id is that of its job, so that a link names one thing.
"""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np

from app.page.language import tr
from smcore.errors import Cancelled, MatchError
from smcore.progress import Cancel, Progress, part
from smcore.validation.runs.results import DENSITY

if TYPE_CHECKING:
    from smcore.validation.runs.pair_sample import PairSample
    from smcore.validation.runs.plan import RunOptions

LOOK_SECONDS = 0.2  # between two looks whether the user asked to stop, however long a step takes
RASTER = 160  # bins of the density of pairs along each axis
MAX_PAIRS = 2_000_000  # of one product, counted for the density; beyond, every k-th location is
WHOLE_SHARES = (0.005, 0.995)  # of the pairs' values, which the density's axes span


@dataclass(frozen=True)
class Asked:
    """What a user chose; the defaults are those of ``loam validate``, and empty is no limit."""

    products: tuple[str, ...] = ()
    reference: str = ""
    start: str = ""
    end: str = ""
    depth_from: float | None = None
    depth_to: float | None = None
    flags: str = "G"
    quality: str = "all"
    overpass: str = "both"
    masks: tuple[str, ...] = ()
    scaling: str = "none"
    anomaly: str = "none"
    min_obs: int = 10
    interval: str = "analytic"
    triple: bool = False
    stability: int | None = None
    catalogs: tuple[str, ...] = field(default=())
    runs: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values for the queue."""
        return asdict(self)

    @staticmethod
    def from_json(request: Mapping[str, Any]) -> Asked:
        """Read the values of :meth:`to_json`; what is unknown is left out."""
        known = {one.name for one in fields(Asked)}
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in request.items() if k in known}
        return Asked(**values)

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> Asked:
        """What was asked for in a run, as far as there are controls for it, so that it can be changed and run again."""
        chosen = record["options"]
        depth = chosen.get("depth_m") or (None, None)
        flags = chosen.get("flags", "any")
        return Asked(
            tuple(one["id"] for one in record["products"]), record["reference"]["id"],
            str(chosen.get("start") or ""), str(chosen.get("end") or ""), depth[0], depth[1],
            flags if isinstance(flags, str) else ",".join(flags), chosen["quality"], chosen["overpass"],
            tuple(rule["name"] for rule in chosen.get("masks", ())), chosen["scaling"], chosen["anomaly"],
            int(chosen["min_obs"]), chosen["interval"], bool(chosen["triple"]), chosen["stability_days"],
        )  # fmt: skip

    def options(self) -> RunOptions:
        """The engine's options.

        Raises
        ------
        SmcoreError
            If one is no such thing.
        """
        from smcore.validation.estimates import EstimateOptions
        from smcore.validation.matching.mask_files import chosen_rules
        from smcore.validation.matching.match import MatchOptions
        from smcore.validation.matching.sides import Masks
        from smcore.validation.runs.plan import RunOptions
        from smcore.validation.transforms import Transform

        masks = Masks(
            self._flags(), self.quality, self.overpass, self.start or None, self.end or None, chosen_rules(self.masks)
        )
        return RunOptions(
            MatchOptions(masks, self._depth()),
            EstimateOptions(self.min_obs, self.interval),
            Transform(self.scaling, None, self.anomaly),
            triple=self.triple,
            stability=self.stability,
        )

    def _flags(self) -> tuple[str, ...] | None:
        found = tuple(flag.strip() for flag in self.flags.split(",") if flag.strip())
        if not found:
            raise MatchError(tr("No station flag is chosen"), hint=tr("give G, or several as G,U, or any"))
        return None if found == ("any",) else found

    def _depth(self) -> tuple[float, float] | None:
        if self.depth_from is None and self.depth_to is None:
            return None
        return self.depth_from or 0.0, 100.0 if self.depth_to is None else self.depth_to


def check_asked(asked: Asked) -> None:
    """Refuse what can't be run before it is sent to the worker.

    Raises
    ------
    MatchError
        Saying what is still to be chosen.
    """
    if not asked.products:
        raise MatchError(tr("No product is chosen yet"), hint=tr("tick one or several"))
    if not asked.reference:
        raise MatchError(tr("No reference is chosen yet"), hint=tr("choose stations, or another product"))
    if asked.start and asked.end and asked.start > asked.end:
        raise MatchError(tr("The first day is after the last"), hint=tr("exchange them"))


# -- in the worker -----------------------------------------------------------------------------------------------
def check_job(request: Mapping[str, Any], folder: Path, progress: Progress, cancelled: Cancel) -> dict[str, Any]:  # noqa: ARG001 — every job is given these four
    """Pair the locations, without reading a value, and say what a run would compare."""
    from smcore.catalog import load_catalog
    from smcore.validation.runs.plan import make_plan

    asked = Asked.from_json(request)
    with stopping(cancelled):
        catalog = load_catalog(Path(file) for file in asked.catalogs)
        plan = make_plan(asked.products, asked.reference, catalog, asked.options())
    found = []
    for matched in plan.matches:
        reached = int((matched.collocation.indices[:, 0] >= 0).sum())
        found.append({"product": matched.product.name, "locations": len(matched.places), "reached": reached})
    first, stop = (np.array(v, "datetime64[us]").astype("datetime64[D]") for v in plan.matches[0].limits)
    notes = [note for matched in plan.matches for note in matched.notes]
    return {"matches": found, "start": str(first), "end": str(stop - 1), "notes": list(dict.fromkeys(notes))}


def run_job(request: Mapping[str, Any], folder: Path, progress: Progress, cancelled: Cancel) -> dict[str, Any]:
    """Validate, and leave the run's folder, with the density of its pairs, complete or not at all."""
    from smcore.catalog import load_catalog
    from smcore.validation.runs.output import write_run
    from smcore.validation.runs.pair_sample import pair_sample
    from smcore.validation.runs.run import validate

    asked = Asked.from_json(request)
    runs = Path(asked.runs)
    draft = runs / f".{folder.name}"
    try:
        with stopping(cancelled):
            progress(0.0, "opening the data")
            catalog = load_catalog(Path(file) for file in asked.catalogs)
            options = asked.options()
            run = validate(
                asked.products, asked.reference, catalog, options,
                progress=part(progress, 0.02, 0.85), cancelled=cancelled,
            )  # fmt: skip
            progress(0.87, "counting pairs for the scatter")
            counted = [density(pair_sample(one, options.transform, most=MAX_PAIRS)) for one in run.scores]
            progress(0.95, "writing")
            runs.mkdir(parents=True, exist_ok=True)
            write_run(run, draft)
            _write_density(draft / DENSITY, [score.matched.product.name for score in run.scores], counted)
        draft.rename(runs / folder.name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return {"id": folder.name, "pairs": int(sum(score.n.sum() for score in run.scores))}


@contextmanager
def stopping(cancelled: Cancel) -> Iterator[None]:
    """Stop within a fraction of a second of being asked, wherever the work is: a tile may take much longer.

    A timer of the process interrupts the work to ask. What stops it is no ordinary exception, since a fault of one
    station is caught and must not swallow it. An import is let end: half a module would stay for all later jobs.
    """

    def look(_: int, frame: FrameType | None) -> None:
        if cancelled() and not _is_importing(frame):
            raise _Stop

    if not hasattr(signal, "setitimer"):  # Windows: asked between tiles alone
        yield
        return
    before = signal.signal(signal.SIGALRM, look)
    signal.siginterrupt(signal.SIGALRM, False)
    signal.setitimer(signal.ITIMER_REAL, LOOK_SECONDS, LOOK_SECONDS)
    try:
        yield
    except _Stop:
        raise Cancelled from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


class _Stop(BaseException):
    """The user asked to stop."""


def density(sample: PairSample) -> dict[str, Any]:
    """Count pairs in a raster of product against reference.

    Returns
    -------
    dict
        ``count`` (RASTER, RASTER) uint32, row 0 lowest; ``low`` and ``high`` of both axes; ``pairs`` counted of
        ``total``; ``units`` of product and reference.
    """
    import datashader as ds
    import pandas as pd

    both = np.concatenate([sample.product, sample.reference])
    low, high = (float(v) for v in np.quantile(both, WHOLE_SHARES)) if len(both) else (0.0, 0.5)
    margin = 0.06 * (high - low or 0.1)
    canvas = ds.Canvas(RASTER, RASTER, (low - margin, high + margin), (low - margin, high + margin))
    pairs = pd.DataFrame({"x": sample.reference, "y": sample.product})
    count = np.asarray(canvas.points(pairs, "x", "y", ds.count()).values, np.uint32)
    return {
        "count": count, "low": low - margin, "high": high + margin, "pairs": len(sample.product),
        "total": sample.total, "units": list(sample.units),
    }  # fmt: skip


def _write_density(file: Path, products: list[str], counted: list[dict[str, Any]]) -> None:
    rasters = {f"count_{i}": one["count"] for i, one in enumerate(counted)}
    about = {name: {k: v for k, v in one.items() if k != "count"} for name, one in zip(products, counted, strict=True)}
    np.savez_compressed(file, about=np.array(json.dumps(about)), **rasters)
