"""The gap test: hide real observations, refill them with every model at hand, score only what was hidden.

A reconstruction can't be judged where it was shown the answer. So values are hidden as gaps really come (swaths of
other days, outages, frozen seasons, dense vegetation), models and baselines refill them, and only the hidden values are
compared with the hidden observations, by the age of the gap.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smcore import __version__, names
from smcore.catalog import Catalog
from smcore.cubes.quality import RULES
from smcore.errors import Cancelled, CatalogError, MatchError, ModelError, SmcoreError
from smcore.inference.devices import choose_device
from smcore.models.base import FitRun
from smcore.models.spec import ModelSpec
from smcore.places import Places, places_of
from smcore.progress import Cancel, Progress, check, never, part, quiet
from smcore.roles import Source, observations, open_sources, read_series, read_static
from smcore.validation import leakage
from smcore.validation.gaps import scores
from smcore.validation.gaps.intervals import BLOCK_KM, LEAST_BLOCKS, Blocks, blocks_of
from smcore.validation.gaps.mask import GapMask, read_mask, write_mask
from smcore.validation.gaps.patterns import Evidence, about, hide
from smcore.validation.gaps.refill import Method, Refilled, daily, default_methods, methods_of, refill, seen_by
from smcore.validation.runs.output import write_csv
from smcore.validation.runs.result_folder import write_folder
from smcore.window import Window

Floats = NDArray[np.float32]
Days = NDArray[np.datetime64]

FORMAT: Final = "loam gap test 1"
MOST_VALUES: Final = 300_000_000
"""Days × cells that are held at once (1.2 GB); a larger test is refused."""
_PLAIN: Final = ModelSpec("gaps", "Cells of the product", ())
_OVERPASSES: Final = (names.AM, names.PM, "both")
_LIBRARIES: Final = ("numpy", "scipy", "xarray")


@dataclass(frozen=True)
class GapOptions:
    """How to hide and score.

    Parameters
    ----------
    pattern, share, seed
        See :func:`smcore.validation.gaps.patterns.hide`; the seed is also that of fits and draws.
    window
        Days and box of the test; days outside are not shown to any method.
    quality, overpass
        Which observations count.
    min_obs
        Hidden values that a number needs.
    level
        Of the intervals.
    """

    pattern: str = "swath"
    share: float = 0.1
    seed: int = 0
    window: Window = field(default_factory=Window)
    quality: str = "recommended"
    overpass: str = "both"
    min_obs: int = 10
    level: float = 0.95
    device: str = "auto"


@dataclass(frozen=True, eq=False)
class GapRun:
    """A finished test: the table, the mask and what goes into ``run.json``."""

    table: pd.DataFrame
    mask: GapMask
    places: Places
    refilled: tuple[Refilled, ...]
    record: dict[str, Any]


def run_gaps(
    product_id: str,
    catalog: Catalog,
    *,
    models: Sequence[str] = (),
    data: Sequence[tuple[str, str]] = (),
    options: GapOptions | None = None,
    mask_file: Path | None = None,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> GapRun:
    """Test how well gaps of a product are filled.

    Parameters
    ----------
    product_id
        Catalogue id of a cube or pixel set with soil moisture.
    models
        Folders of checkpoints, catalogue ids or model ids; none: the baselines and the packaged checkpoints.
    data
        Pairs of (role or "", id): forcings, statics, model soil moisture, and what says where it is frozen or dense.
    mask_file
        Of an earlier run; brings its own pattern, share, seed, days, box and rules.

    Raises
    ------
    SmcoreError
        If nothing is observed, the pattern can't be laid, the mask is of other data, or no model fits.
    """
    hidden_truth = [i for i in (product_id, *(i for _, i in data)) if i in catalog and catalog.get(i).hidden]
    if hidden_truth:
        raise ModelError(f"{hidden_truth[0]!r} is a hidden truth: it only scores, and nothing learns from it")
    product = open_sources(catalog, [("", product_id)])[0]
    sources = open_sources(catalog, data)
    methods = methods_of(models or default_methods(), catalog)
    mask = read_mask(mask_file) if mask_file is not None else None
    return gap_test(product, methods, sources, options or GapOptions(), mask, progress=progress, cancelled=cancelled)


def gap_test(
    product: Source,
    methods: Sequence[Method],
    data: Sequence[Source],
    options: GapOptions,
    mask: GapMask | None = None,
    *,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> GapRun:
    """As :func:`run_gaps`, of what is open already."""
    if product.layout == "stations" or names.SM not in product.data:
        raise MatchError("A gap test needs a cube or a pixel set with soil moisture", where=product.id)
    if mask is not None:
        mask.check(product.id, product.fingerprint)
        options = _options_of(mask, options)
    _check_options(options)
    others = _others(product, data)
    progress(0.0, f"reading {product.id}")
    places, days, observed = _read(product, options, cancelled)
    if mask is None:
        mask, notes = _make_mask(product, others, places, days, observed, options, cancelled)
    else:
        notes = ()
        mask.fits(np.isfinite(observed), places)
    check(cancelled)
    kept = daily(product, places, days, np.where(mask.hidden, np.float32(np.nan), observed))
    refilled, misfits = _refill_all(methods, kept, others, mask, options, part(progress, 0.1, 0.9), cancelled)
    progress(0.9, "scoring")
    blocks = blocks_of(len(days), places.lat, places.lon)
    units = str(product.data[names.SM].attrs.get("units", ""))
    cover = _land_cover([product, *others], places)
    scene = scores.make_scene(observed, mask.hidden, days, blocks, units, cover)
    rows = _rows(scene, refilled, options, part(progress, 0.9, 1.0), cancelled)
    record = _record(
        product, others, mask, options, refilled, [*notes, *misfits, *_too_few_blocks(blocks, mask.hidden)]
    )
    progress(1.0, "done")
    return GapRun(scores.table_of(rows), mask, places, tuple(refilled), record)


def write_gaps(run: GapRun, out: Path) -> dict[str, str]:
    """Write ``gaps.csv``, ``mask.nc`` and ``run.json``: file name → SHA-256 (raises ExportError if it can't be)."""
    files = {
        "gaps.csv": lambda path: write_csv(run.table, path),
        "mask.nc": lambda path: write_mask(run.mask, run.places, path),
    }
    return write_folder(out, files, run.record)


def _check_options(options: GapOptions) -> None:
    for option, value, known in (("quality", options.quality, RULES), ("overpass", options.overpass, _OVERPASSES)):
        if value not in known:
            raise MatchError(f"There is no {option} {value!r}", hint=f"choose one of: {', '.join(known)}")
    if options.min_obs < 2 or options.seed < 0:
        raise MatchError("A number needs --min-obs 2 at least, and --seed is no negative number")


def _options_of(mask: GapMask, options: GapOptions) -> GapOptions:
    """The options with all that the mask decides."""
    window = Window(str(mask.days[0]), str(mask.days[-1]), *mask.box)
    return replace(
        options, pattern=mask.pattern, share=mask.share, seed=mask.seed, window=window, quality=mask.quality,
        overpass=mask.overpass,
    )  # fmt: skip


def _others(product: Source, data: Sequence[Source]) -> list[Source]:
    """What methods may see besides the kept values: nothing that holds the product's own soil moisture.

    Raises
    ------
    CatalogError
        If a data set would show a method what is hidden from it.
    """
    roles = product.roles - {"target", "model_sm"}
    result = [replace(product, roles=roles)] if roles else []
    for source in data:
        same = source.id == product.id or (source.fingerprint and source.fingerprint == product.fingerprint)
        if same and "model_sm" in source.roles:
            raise CatalogError("The product itself can't be its model soil moisture: it would show what is hidden",
                               where=source.id)  # fmt: skip
        rest = source.roles - {"target"}
        if not rest:
            raise CatalogError(
                "Only the product is refilled, and this is a second target", where=source.id, hint="leave it out"
            )
        if not same or rest - roles:
            result.append(replace(source, roles=rest))
    return result


def _read(product: Source, options: GapOptions, cancelled: Cancel) -> tuple[Places, Days, Floats]:
    """Places, days without holes, and the daily observations (T, N) that methods would be given."""
    seen = observations(product, quality=options.quality, overpass=options.overpass)
    places = places_of(_PLAIN, seen, options.window)
    centres = seen.centres(names.SM)
    if not len(centres):
        raise MatchError("Nothing is observed: no step is left", where=product.id, hint="try another --overpass")
    steps = options.window.times(centres)
    first, last = (centres[at].astype("datetime64[D]") for at in (steps.start, steps.stop - 1))
    days: Days = np.arange(first, last + 1)
    if len(days) * len(places.lat) > MOST_VALUES:
        raise MatchError(
            f"{len(days)} days × {len(places.lat)} cells are more than a gap test holds at once",
            where=product.id,
            hint="give --bbox, or a shorter period with --start and --end",
        )
    wanted = days.astype("datetime64[ns]")
    return places, days, read_series(seen, names.SM, places.lat, places.lon, wanted, cancelled=cancelled)


def _make_mask(
    product: Source, others: Sequence[Source], places: Places, days: Days, observed: Floats, options: GapOptions,
    cancelled: Cancel,
) -> tuple[GapMask, tuple[str, ...]]:  # fmt: skip
    valid = np.isfinite(observed)
    looked = [product, *(source for source in others if source.id != product.id)]

    def evidence() -> Evidence:
        return Evidence(looked, places.lat, places.lon, days, cancelled)

    found = hide(options.pattern, valid, days, share=options.share, seed=options.seed, evidence=evidence)
    window = options.window
    mask = GapMask(
        found.mask, valid, days, places.lat, places.lon, options.pattern, options.share, options.seed, product.id,
        product.fingerprint, options.quality, options.overpass,
        (window.west, window.south, window.east, window.north),
    )  # fmt: skip
    return mask, found.notes


def _refill_all(
    methods: Sequence[Method],
    kept: Source,
    others: Sequence[Source],
    mask: GapMask,
    options: GapOptions,
    progress: Progress,
    cancelled: Cancel,
) -> tuple[list[Refilled], list[str]]:
    """Every method in turn; one that does not fit costs the others nothing, and says why."""
    wanted = np.flatnonzero(mask.hidden)
    refilled: list[Refilled] = []
    misfits: list[str] = []
    for index, method in enumerate(methods):
        check(cancelled)
        share = part(progress, index / len(methods), (index + 1) / len(methods))

        def told(inside: float, what: str, share: Progress = share, name: str = method.name) -> None:
            share(inside, f"{name}: {what}")

        try:
            run = FitRun(options.seed, options.device, told, cancelled)
            values, notes = refill(method, kept, others, options.window, mask.days, wanted, run)
            seen, sentence = seen_by(method, mask, is_synthetic=kept.is_synthetic)
        except Cancelled:
            raise
        except SmcoreError as error:
            misfits.append(f"{method.name} left out: {error.sentence}")
            continue
        said = (sentence,) if sentence else ()
        refilled.append(Refilled(method, values.astype(np.float64), seen, (*notes, *said)))
    if not refilled:
        why = misfits[0].split(": ", 1)[1] if misfits else "none is named"
        raise ModelError(f"No model fits these data: {why}")
    return refilled, misfits


def _land_cover(sources: Sequence[Source], where: Places) -> Floats | None:
    for source in sources:
        cover = source.data.get("land_cover")
        if cover is not None and names.TIME not in cover.dims and np.issubdtype(cover.dtype, np.number):
            return read_static(source, "land_cover", where.lat, where.lon)
    return None


def _rows(
    scene: scores.Scene, refilled: Sequence[Refilled], options: GapOptions, progress: Progress, cancelled: Cancel
) -> list[dict[str, Any]]:
    """All rows: each method on its own, on what its training did not see, and on what all methods have filled."""
    rules = scores.Rules(options.min_obs, options.level, options.seed)
    filling = [one for one in refilled if np.isfinite(one.values).any()]
    common = np.all([np.isfinite(one.values) for one in filling], axis=0) if len(filling) > 1 else None
    rows: list[dict[str, Any]] = []
    for index, one in enumerate(refilled):
        check(cancelled)
        progress(index / len(refilled), f"scoring {one.method.name}")
        samples = {scores.OWN: np.ones(len(scene.truth), bool)}
        if one.seen_label == leakage.PARTLY:
            samples[scores.UNSEEN] = ~one.seen
        if common is not None and one in filling:
            samples[scores.COMMON] = common
        for sample, chosen in samples.items():
            seen = leakage.UNSEEN if sample == scores.UNSEEN else one.seen_label
            labels = {"method": one.method.name, "sides": one.method.sides, "learnt_from": one.method.learnt_from,
                      "seen": seen, "sample": sample}  # fmt: skip
            rows += scores.score_rows(scene, one.values, chosen, rules, labels)
    return rows


def _too_few_blocks(blocks: Blocks, hidden: NDArray[np.bool_]) -> list[str]:
    count = len(np.unique(blocks.day[hidden.any(axis=1)]))
    if count >= LEAST_BLOCKS:
        return []
    return [f"no intervals: the hidden days lie in {count} blocks of {blocks.length} days, {LEAST_BLOCKS} are needed"]


def _record(
    product: Source,
    others: Sequence[Source],
    mask: GapMask,
    options: GapOptions,
    refilled: Sequence[Refilled],
    notes: Sequence[str],
) -> dict[str, Any]:
    hidden, valid = int(mask.hidden.sum()), int(mask.observed.sum())
    chosen = {k: v for k, v in asdict(options).items() if k not in ("window", "device")}
    return {
        "format": FORMAT,
        "loam": __version__,
        "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
        "options": {**chosen, "device": choose_device(options.device)},
        "period": [str(mask.days[0]), str(mask.days[-1])],
        "box": list(mask.box),
        "pattern": {"name": mask.pattern, **about(mask.pattern)},
        "intervals": {"kind": "pigeonhole block bootstrap", "area_km": BLOCK_KM},
        "product": {**product.records()[0], "role": "product", "layout": product.layout},
        "data": [record for source in others for record in source.records()],
        "values": {"observed": valid, "hidden": hidden, "hidden_share": hidden / valid, "days": len(mask.days),
                   "days_hidden": int(mask.hidden.any(axis=1).sum()), "cells": len(mask.lat),
                   "cells_hidden": int(mask.hidden.any(axis=0).sum())},
        "methods": [_method_record(one) for one in refilled],
        "notes": list(notes),
    }  # fmt: skip


def _method_record(one: Refilled) -> dict[str, Any]:
    method = one.method
    return {
        "name": method.name,
        "model": method.card.model,
        "config": method.card.config,
        "title": method.card.title,
        "sides": method.sides,
        "sees_product": method.sees_product,
        "learnt_from": method.learnt_from,
        "seen": one.seen_label,
        "seen_values": int(one.seen.sum()),
        "weights_sha256": method.card.weights_sha256,
        "inputs": [f"{item.name} [{item.units}]" for item in method.model.used],
        "filled": float(np.isfinite(one.values).mean()),
        "notes": list(one.notes),
    }
