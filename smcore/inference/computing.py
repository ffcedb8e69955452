"""Computing one tile: calls of a size that leaves room and lets a cancel in, on as many lanes as the device can use.

A call is a run of cells over all steps, or for models that look at neighbours the whole rectangle over a run of steps.
Sizes depend on the plan and the device only, not on the clock, so that a repetition gives the same bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smcore.errors import ModelError
from smcore.inference.devices import is_out_of_memory
from smcore.inference.geometry import CALL, LEAST_SERIES, THROUGH_TIME, Span, can_be_split_in_time, spans_of
from smcore.inference.lanes import goes_through_time, lanes_of, side_by_side
from smcore.inference.precision import AUTO, Precision, choose, computing, watching
from smcore.inputs import Plan, usable_days
from smcore.models.arrays import Floats, Inputs, Outputs
from smcore.models.base import SoilMoistureModel
from smcore.models.learning.band import OLDEST, Band
from smcore.names import SM, SM_UNCERTAINTY
from smcore.progress import Cancel, check, never
from smcore.roles import as_slice

_TOGETHER = 8  # steps of a small window in one call, which share the steps before them and still show progress

Bools = NDArray[np.bool_]
Told = Callable[[float, slice, Floats | None], None]


@dataclass(frozen=True)
class Call:
    """One call of a model: these locations (None: all) over these steps of the inputs, of which ``wanted`` count."""

    locations: NDArray[np.int64] | None
    steps: slice
    wanted: slice

    def halves(self, spec_reach: tuple[int, int], length: int) -> list[Call]:
        """The same in two calls; itself alone if it can't be cut."""
        if self.locations is not None:
            middle = len(self.locations) // 2
            return [replace(self, locations=part) for part in np.split(self.locations, [middle]) if len(part)]
        middle = (self.wanted.start + self.wanted.stop) // 2
        if not self.wanted.start < middle:
            return [self]
        before, after = spec_reach
        return [
            Call(None, slice(max(0, a - before), min(length, b + after)), slice(a, b))
            for a, b in ((self.wanted.start, middle), (middle, self.wanted.stop))
        ]


@dataclass
class Engine:
    """A model on its device.

    Parameters
    ----------
    wanted
        ``auto`` or ``float32``; what was chosen on the first batch is then in ``precision``.
    lanes
        Calls at work at the same time; 0: as :func:`smcore.inference.lanes.lanes_of` says.
    call
        Cell-steps of one call.
    band
        Gives each value its uncertainty.
    """

    model: SoilMoistureModel
    plan: Plan
    device: str = "cpu"
    wanted: str = AUTO
    precision: Precision | None = None
    lanes: int = 0
    cancelled: Cancel = never
    call: int = 0
    band: Band | None = None

    def __post_init__(self) -> None:
        self.lanes = self.lanes or lanes_of(self.model, self.device)
        if not self.call:
            through_time = self.device == "cpu" and goes_through_time(self.model)
            self.call = THROUGH_TIME if through_time else CALL[self.device]

    def values(self, inputs: Inputs, span: Span, told: Told | None = None) -> tuple[Outputs, Bools]:
        """Outputs (T, N) over the wanted steps of ``span``, NaN where an input is missing; and where none is.

        ``told`` learns of every call as it ends: which share of them has, and the soil moisture (t, N) of its steps,
        which are given from the first wanted one of the span; None for calls of some cells over all steps.
        """
        wanted = slice(span.wanted.start - span.read.start, span.wanted.stop - span.read.start)
        usable = usable_days(inputs, wanted)
        steps, count = usable.shape
        results: dict[str, Floats] = {n: np.full((steps, count), np.nan, np.float32) for n, _ in self.plan.spec.outputs}
        calls = self._calls(inputs, wanted, usable)
        for done, (call, batch) in enumerate(self._done(inputs, calls), 1):
            at = slice(call.wanted.start - wanted.start, call.wanted.stop - wanted.start)
            own = slice(call.wanted.start - call.steps.start, call.wanted.stop - call.steps.start)
            for name, values in batch.items():
                if call.locations is None:
                    results[name][at] = values[own]
                else:
                    results[name][at, as_slice(call.locations)] = values[own]
            if told is not None:
                whole = np.where(usable[at], batch[SM][own], np.nan) if call.locations is None else None
                told(min(1.0, done / len(calls)), at, whole)
        for values in results.values():
            values[~usable] = np.nan
        if self.band is not None:
            results[SM_UNCERTAINTY] = _half_width(self.band, results[SM], inputs, wanted)
        return results, usable

    def _calls(self, inputs: Inputs, wanted: slice, usable: Bools) -> list[Call]:
        """The calls that there is something to predict from (not for sea)."""
        steps, spec = len(inputs.time), self.plan.spec
        if not spec.spatial:
            least = LEAST_SERIES if self.call == THROUGH_TIME else 1  # where memory did not last, as few as needed
            size = max(least, self.call // max(1, steps))
            found = np.flatnonzero(usable.any(axis=0))
            return [Call(found[i : i + size], slice(0, steps), wanted) for i in range(0, len(found), size)]
        if not can_be_split_in_time(spec):
            return [Call(None, slice(0, steps), wanted)] if usable.any() else []
        each = max(1, self.call // len(inputs.lat), min(_TOGETHER, self.call // _kept(inputs)))
        local = replace(self.plan, time=inputs.time, wanted=wanted)
        calls = [Call(None, span.read, span.wanted) for span in spans_of(local, each)]
        return [c for c in calls if usable[c.wanted.start - wanted.start : c.wanted.stop - wanted.start].any()]

    def _done(self, inputs: Inputs, calls: list[Call]) -> Iterator[tuple[Call, Outputs]]:
        """Run the calls; one for which the memory does not last is halved, and all after it."""
        if not calls:
            return
        if self.precision is None:
            self.precision = self._chosen(inputs, calls[0])
        waiting = deque(calls)
        lanes = side_by_side(min(self.lanes, len(calls)), self.device)
        with watching(self.model, self.cancelled), lanes as run:  # calls look at the flag until the last has ended
            flying: deque[tuple[Call, Any]] = deque()
            while waiting or flying:
                check(self.cancelled)
                while waiting and len(flying) < self.lanes:
                    call = waiting.popleft()
                    flying.append((call, run(self._predict, _part(inputs, call))))
                call, future = flying.popleft()
                try:
                    result = future.result()
                except (MemoryError, RuntimeError) as error:
                    if not is_out_of_memory(error):
                        raise
                    rest = [call, *(other for other, _ in flying), *waiting]
                    _settle(flying)
                    waiting = deque(self._smaller(rest, len(inputs.time), error))
                    continue
                yield call, result

    def _chosen(self, inputs: Inputs, call: Call) -> Precision:
        """Try the first call; where its memory does not last, float32 it is."""
        try:
            return choose(self.model, _part(inputs, call), self.device, self.wanted)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            return Precision()

    def _predict(self, inputs: Inputs) -> Outputs:
        with computing(self.precision or Precision(), self.device):
            return self.model.predict(inputs, device=self.device)

    def _smaller(self, calls: list[Call], length: int, error: BaseException) -> list[Call]:
        """Halve every call; raises ``error`` if the first can't be."""
        free_cache(self.device)
        self.lanes, self.call = 1, max(1, self.call // 2)
        reach = self.plan.spec.history, self.plan.spec.lookahead
        divisible = not self.plan.spec.spatial or can_be_split_in_time(self.plan.spec)
        halved = [call.halves(reach, length) if divisible else [call] for call in calls]
        if len(halved[0]) < 2:
            raise error
        return [half for pair in halved for half in pair]


def _half_width(band: Band, sm: Floats, inputs: Inputs, wanted: slice) -> Floats:
    """Half-widths (T, N) of the wanted steps; the age of a gap is looked for as far as it counts."""
    reach = int(OLDEST) * (8 if len(inputs.time) > 1 and np.diff(inputs.time).min() < np.timedelta64(1, "D") else 1)
    near = slice(max(0, wanted.start - reach), min(len(inputs.time), wanted.stop + reach))
    padded = np.full((near.stop - near.start, sm.shape[1]), np.nan, np.float32)
    own = slice(wanted.start - near.start, wanted.stop - near.start)
    padded[own] = sm
    return band.half_width(padded, inputs.during(near))[own]


def _kept(inputs: Inputs) -> int:
    """Cells of a rectangle that an answer is wanted for."""
    rows, columns = inputs.kept or (slice(0, len(inputs.lat)), slice(0, 1))
    return max(1, int((rows.stop - rows.start) * (columns.stop - columns.start)))


def _part(inputs: Inputs, call: Call) -> Inputs:
    first = call.wanted.start - call.steps.start
    some = inputs if call.locations is None else inputs.at(call.locations)
    if call.steps == slice(0, len(inputs.time)):
        return replace(some, first=first)
    return replace(some.during(call.steps), first=first)


def _settle(flying: deque[tuple[Call, Any]]) -> None:
    """Let calls end whose results are not used; they are made again, smaller."""
    while flying:
        flying.popleft()[1].exception()


def free_cache(device: str) -> None:
    """Give back what the allocator keeps for later."""
    if device == "cuda":
        import torch

        torch.cuda.empty_cache()


def too_large(device: str) -> ModelError:
    """What to say where even the smallest piece does not fit."""
    return ModelError(
        "The memory does not last for the smallest tile", where=device, hint="close other programs, or use the cpu"
    )
