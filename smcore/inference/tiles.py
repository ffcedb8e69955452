"""A prediction tile by tile: the next one is read while this one is computed, and each is given as it finishes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from smcore.errors import ModelError
from smcore.inference.computing import Engine, free_cache, too_large
from smcore.inference.devices import choose_device, is_out_of_memory
from smcore.inference.geometry import (
    Piece,
    Span,
    can_be_split_in_time,
    pieces,
    quarters,
    readings,
    spans_of,
    tile_side,
)
from smcore.inference.memory import kept_memory
from smcore.inference.precision import AUTO, prepare
from smcore.inputs import Plan, gather, handshake
from smcore.models.arrays import Floats, Inputs, Outputs
from smcore.models.base import SoilMoistureModel
from smcore.names import SM
from smcore.progress import Cancel, Progress, check, never, part, quiet
from smcore.roles import Source
from smcore.window import Window

__all__ = ["PredictedSteps", "PredictedTile", "Predictor", "predict", "predict_plan", "tile_side"]


@dataclass(frozen=True, eq=False)
class PredictedTile:
    """A finished piece.

    Parameters
    ----------
    rows, columns
        Where it lies in the window's cells; pixels are one row.
    values
        Name → (T, rows, columns) float32 over the wanted steps, NaN where there is no prediction.
    seen
        (T, rows, columns) float32, the observations that were seen, else NaN; None for a model that sees none.
    number
        Its place in the list of tiles.
    """

    rows: slice
    columns: slice
    values: Outputs
    seen: Floats | None = None
    number: int = 0

    @property
    def observed(self) -> NDArray[np.bool_] | None:
        """(T, rows, columns) where an observation was seen; None for a model that sees none."""
        return None if self.seen is None else np.isfinite(self.seen)


@dataclass(frozen=True, eq=False)
class PredictedSteps:
    """Some steps of a piece before it is whole, for whoever watches: nothing is kept of them.

    Parameters
    ----------
    rows, columns
        Where it lies in the window's cells.
    steps
        Which of the wanted steps.
    sm
        (t, rows, columns) soil moisture, NaN where there is no prediction.
    """

    rows: slice
    columns: slice
    steps: slice
    sm: Floats


OnSteps = Callable[[PredictedSteps], None]


def predict(
    model: SoilMoistureModel,
    sources: Sequence[Source],
    window: Window,
    *,
    device: str = "auto",
    precision: str = AUTO,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> tuple[Plan, Iterator[PredictedTile]]:
    """Plan a prediction and compute it tile by tile.

    Parameters
    ----------
    model
        Trained or loaded.
    sources
        Data sets in their roles.
    window
        Where and when.
    device
        ``auto``, ``cpu`` or ``cuda``.
    precision
        ``auto`` (bfloat16 where it is fast and agrees with float32) or ``float32``.

    Returns
    -------
    plan
        What is read; the handshake has passed when this function returns.
    tiles
        An iterator of finished tiles; all computing happens while it is consumed.

    Raises
    ------
    SpecMismatch, GridMismatch, WindowError
        Before any computing, if the inputs are not those that the model was trained with.
    Cancelled
        From the iterator, within about a second of the request.
    """
    chosen = choose_device(device)
    plan = handshake(model.spec, model.used, sources, window)
    engine = Engine(model, plan, chosen, precision, cancelled=cancelled)
    return plan, Predictor(engine).run(progress=progress)


def predict_plan(
    model: SoilMoistureModel,
    plan: Plan,
    *,
    device: str = "cpu",
    side: int = 0,
    progress: Progress = quiet,
    cancelled: Cancel = never,
) -> Iterator[PredictedTile]:
    """Compute the tiles of a plan; ``side`` fixes their size (0: from free memory)."""
    return Predictor(Engine(model, plan, device, cancelled=cancelled), side).run(progress=progress)


class Predictor:
    """The tiles of a plan, by number.

    Parameters
    ----------
    engine
        The model on its device.
    side
        Cells along one side of a tile; 0: from free memory.
    compiled
        Compile the networks first.
    """

    def __init__(self, engine: Engine, side: int = 0, *, compiled: bool = False) -> None:
        self.engine, self.plan = engine, engine.plan
        if self.plan.spec.spatial and self.plan.places.grid is None:
            raise ModelError(f"{self.plan.spec.id} works on patches of cells and can't use loose pixels")
        self.side = side or tile_side(self.plan, engine.device)
        self.pieces = pieces(self.plan, self.side)
        prepare(engine.model, compiled=compiled)

    def run(
        self, numbers: Sequence[int] | None = None, *, progress: Progress = quiet, on_steps: OnSteps | None = None
    ) -> Iterator[PredictedTile]:
        """Compute these tiles, or all, in order; one for which the memory does not last is computed in quarters.

        Parameters
        ----------
        on_steps
            Told of the steps of a tile that is computed step by step, as they are there.
        """
        wanted = range(len(self.pieces)) if numbers is None else numbers
        with kept_memory(), _ReadAhead(self, wanted) as reader:
            for index, number in enumerate(wanted):
                check(self.engine.cancelled)
                so_far = part(progress, index / len(wanted), (index + 1) / len(wanted))
                watch = _Watch(so_far, f"tile {index + 1} of {len(wanted)}", on_steps)
                watch.share(0.0)
                piece = self.pieces[number]
                yield self._whole(
                    piece, number, list(self._computed(piece, number, partial(reader.take, number), watch))
                )
        progress(1.0, f"{len(wanted)} tiles done")

    def glimpse(self, number: int, step: int) -> PredictedSteps | None:
        """One of the wanted steps of a tile, computed alone; None for a model that takes all steps at once.

        It is for the eye while the tile is computed, which computes it again in its turn: how a batch is cut may show
        in the last digit, and what is kept must not depend on what was looked at.
        """
        plan, piece = self.plan, self.pieces[number]
        if not plan.spec.spatial or not can_be_split_in_time(plan.spec):
            return None
        at = plan.wanted.start + step
        (span,) = spans_of(plan, 1, slice(at, at + 1))
        values, _ = self.engine.values(self.read(piece, span), span)
        sm = values[SM].reshape(-1, *piece.shape)[(slice(None), *piece.crop)]
        return PredictedSteps(*self._in_window(piece), slice(step, step + 1), sm)

    def _computed(
        self, piece: Piece, number: int, read: Callable[[Span], Inputs], watch: _Watch
    ) -> Iterator[PredictedTile]:
        """Compute one tile, or its quarters where memory does not last."""
        try:
            result = self._tile(piece, number, read, watch)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            parts = quarters(piece, self.plan)
            if len(parts) < 2:
                raise too_large(self.engine.device) from error
            free_cache(self.engine.device)
            for one in parts:
                yield from self._computed(one, number, partial(self.read, one), watch)
            return
        yield result

    def _tile(self, piece: Piece, number: int, read: Callable[[Span], Inputs], watch: _Watch) -> PredictedTile:
        plan, crop = self.plan, (slice(None), *piece.crop)
        found: dict[str, list[Floats]] = {}
        seen: list[Floats] = []
        spans = readings(plan, piece)
        for index, span in enumerate(spans):
            check(self.engine.cancelled)
            given = read(span)
            first = span.wanted.start - plan.wanted.start

            def told(share: float, at: slice, sm: Floats | None, *, index: int = index, first: int = first) -> None:
                watch.share((index + share) / len(spans))
                if sm is not None:
                    steps = slice(first + at.start, first + at.stop)
                    watch.steps(PredictedSteps(*self._in_window(piece), steps, sm.reshape(-1, *piece.shape)[crop]))

            values, _ = self.engine.values(given, span, told)
            for name, field in values.items():
                found.setdefault(name, []).append(field.reshape(-1, *piece.shape)[crop])
            if given.observed is not None:
                own = slice(span.wanted.start - span.read.start, span.wanted.stop - span.read.start)
                seen.append(given.observed[own].reshape(-1, *piece.shape)[crop])
        joined = {name: _joined(fields) for name, fields in found.items()}
        return PredictedTile(*self._in_window(piece), joined, _joined(seen) if seen else None, number)

    def _whole(self, piece: Piece, number: int, parts: list[PredictedTile]) -> PredictedTile:
        """One tile of the quarters that it was computed in."""
        if len(parts) == 1:
            return parts[0]
        rows, columns = self._in_window(piece)
        shape = (*parts[0].values[SM].shape[:1], rows.stop - rows.start, columns.stop - columns.start)
        values = {name: np.full(shape, np.nan, np.float32) for name in parts[0].values}
        seen = None if parts[0].seen is None else np.full(shape, np.nan, np.float32)
        for one in parts:
            at = (
                slice(None),
                slice(one.rows.start - rows.start, one.rows.stop - rows.start),
                slice(one.columns.start - columns.start, one.columns.stop - columns.start),
            )
            for name, field in one.values.items():
                values[name][at] = field
            if seen is not None and one.seen is not None:
                seen[at] = one.seen
        return PredictedTile(rows, columns, values, seen, number)

    def _in_window(self, piece: Piece) -> tuple[slice, slice]:
        inner = self.plan.places.inner
        top, left = (inner[0].start, inner[1].start) if inner else (0, 0)
        rows, columns = piece.inner_rows, piece.inner_columns
        return slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)

    def read(self, piece: Piece, span: Span) -> Inputs:
        """Read the inputs of a tile over some steps."""
        lat, lon = self.plan.places.points(piece.rows, piece.columns)
        return gather(
            self.plan, lat, lon, shape=piece.shape, origin=piece.origin, kept=piece.crop, steps=span.read,
            first=span.wanted.start - span.read.start, cancelled=self.engine.cancelled,
        )  # fmt: skip


@dataclass(frozen=True)
class _Watch:
    """Who is told how far one tile is, and of its steps."""

    progress: Progress
    doing: str
    on_steps: OnSteps | None

    def share(self, share: float) -> None:
        self.progress(share, self.doing)

    def steps(self, steps: PredictedSteps) -> None:
        if self.on_steps is not None:
            self.on_steps(steps)


class _ReadAhead:
    """Readings in order, each made while the one before it is computed."""

    def __init__(self, predictor: Predictor, numbers: Sequence[int]) -> None:
        self._predictor = predictor
        self._todo = ((n, span) for n in numbers for span in readings(predictor.plan, predictor.pieces[n]))
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self._next: tuple[tuple[int, Span], Future[Inputs]] | None = None

    def __enter__(self) -> _ReadAhead:
        self._begin()
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def take(self, number: int, span: Span) -> Inputs:
        """The inputs of a reading of a tile; those before it that nobody took are dropped."""
        while self._next is not None:
            key, future = self._next
            if key == (number, span):
                try:
                    return future.result()
                finally:
                    self._begin()
            self._begin()
        raise AssertionError("readings are taken in their order")

    def _begin(self) -> None:
        job = next(self._todo, None)
        self._next = None
        if job is not None:
            piece = self._predictor.pieces[job[0]]
            self._next = (job, self._pool.submit(self._predictor.read, piece, job[1]))


def _joined(fields: list[Floats]) -> Floats:
    return np.ascontiguousarray(fields[0]) if len(fields) == 1 else np.concatenate(fields)
