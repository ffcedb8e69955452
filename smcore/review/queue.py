"""The queue of a review: all stations of a run in an order that puts first what needs a reader most, and filters.

Orders are by numbers that the run has. Where a number is missing the station comes last, and stations that are equal
stay in the order of ``metrics.csv``. With several products a criterion takes the worst of them, unless it is given one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from smcore.errors import ReviewError
from smcore.review import words
from smcore.review.station_table import StationTable
from smcore.validation.runs.results import RunResults

Floats = NDArray[np.float64]
DIFFERENCE, UBRMSD, R, BIAS, N = "ubrmsd_difference", "ubrmsd", "r", "bias", "n"
LOST, SENSORS, DISTANCE, CHANGE, AS_LISTED, RANDOM = "lost", "sensors", "distance", "change", "listed", "random"


@dataclass(frozen=True)
class Criterion:
    """What a queue can be ordered by: ``worst`` says which end comes first, ``unit`` is '' where it is a plain number.

    ``unit`` ``data`` is that of soil moisture in the run.
    """

    label: str
    worst: str
    unit: str
    of: Callable[[StationTable, Sequence[str]], Floats]


CRITERIA: Final[dict[str, Criterion]] = {
    DIFFERENCE: Criterion("difference of ubRMSD between products", "most", "data", StationTable.difference),
    UBRMSD: Criterion("ubRMSD", "most", "data", lambda t, p: t.worst("ubrmsd", p)),
    R: Criterion("correlation R", "least", "", lambda t, p: t.worst("pearson_r", p, least=True)),
    BIAS: Criterion("size of the bias", "most", "data", lambda t, p: t.worst("bias", p, size=True)),
    N: Criterion("number of pairs", "least", "", lambda t, p: t.worst("n", p, least=True)),
    LOST: Criterion("share of the records that flags, masks or exclusions have taken", "most", "", StationTable.lost),
    SENSORS: Criterion("R apart from that of the other sensors in the cell", "most", "", StationTable.apart),
    DISTANCE: Criterion("distance to the centre of the cell", "most", "km", StationTable.distance),
    CHANGE: Criterion("change of ubRMSD since the earlier run", "most", "data", StationTable.change),
    AS_LISTED: Criterion("as in metrics.csv", "least", "", StationTable.place),
    RANDOM: Criterion("random", "least", "", StationTable.place),
}
"""By name; :data:`RANDOM` is an order that has nothing to do with any number, for a blind review."""


@dataclass(frozen=True)
class Filters:
    """Which stations are shown; an empty filter lets all through. ``depths`` are texts as ``0.05 m``.

    ``text`` is looked for in the names of sensor, station and network, small or capital letters.
    """

    networks: tuple[str, ...] = ()
    depths: tuple[str, ...] = ()
    land_covers: tuple[str, ...] = ()
    climates: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, eq=False)
class Order:
    """Stations in order.

    Attributes
    ----------
    subjects, values
        In order; values are NaN where missing, and all of them for :data:`RANDOM`, which shows no number.
    total
        Stations of the run, before filters.
    missing
        Shown stations without a value.
    counts
        Shown stations by state, every state listed.
    """

    criterion: str
    subjects: tuple[str, ...]
    values: Floats
    total: int
    missing: int
    counts: dict[str, int]


@dataclass(frozen=True, eq=False)
class Queue:
    """The stations of a run; made by :meth:`of`, the order is made anew for each criterion and filter."""

    table: StationTable
    _facets: dict[str, dict[str, int]] = field(default_factory=dict)
    _values: dict[tuple[str, tuple[str, ...]], Floats] = field(default_factory=dict)

    @staticmethod
    def of(results: RunResults, *, earlier: RunResults | None = None, cells: Mapping[str, int] | None = None) -> Queue:
        """Read what is needed of a run.

        Parameters
        ----------
        earlier
            A run of an earlier version that :data:`CHANGE` compares with.
        cells
            Number of the product's cell of each subject, as :meth:`smcore.review.live.LivePairs.cells` gives it; the
            sensors of one station count as those of a cell where it is left out.

        Raises
        ------
        ReviewError
            If results are fields of a grid, which has no stations.
        """
        if results.is_grid:
            raise ReviewError("The results of this run are cells of a grid, which are not reviewed one by one")
        return Queue(StationTable.of(results, earlier, cells))

    def available(self) -> dict[str, int]:
        """Of each criterion, how many stations have a value."""
        return {name: int(np.isfinite(self.values(name)).sum()) for name in CRITERIA}

    @property
    def usual(self) -> str:
        """The criterion that a queue begins with: the difference between products where there are two."""
        return next((name for name in (DIFFERENCE, UBRMSD, R, N) if np.isfinite(self.values(name)).any()), AS_LISTED)

    def facets(self) -> dict[str, dict[str, int]]:
        """For each filter but state and text: what there is, and at how many stations; '' where unknown."""
        if not self._facets:
            for name in ("network", "depth", "land_cover", "climate"):
                column = self.table.facts[name]
                self._facets[name] = {str(key): int(count) for key, count in column.value_counts(sort=False).items()}
        return self._facets

    def values(self, criterion: str, products: Sequence[str] = ()) -> Floats:
        """The number of each station, in the order of ``metrics.csv``, NaN where missing.

        Raises
        ------
        ReviewError
            If there is no such criterion or product.
        """
        if criterion not in CRITERIA:
            raise ReviewError(f"There is no order {criterion!r}", hint=f"choose {', '.join(CRITERIA)}")
        unknown = [name for name in products if name not in self.table.products]
        if unknown:
            raise ReviewError(f"The run has no product {unknown[0]!r}", hint=f"choose {', '.join(self.table.products)}")
        key = criterion, tuple(products) or self.table.products
        if key not in self._values:
            self._values[key] = CRITERIA[criterion].of(self.table, key[1])
        return self._values[key]

    def order(
        self,
        criterion: str = "",
        filters: Filters | None = None,
        *,
        products: Sequence[str] = (),
        states: Mapping[str, str] | None = None,
        reverse: bool = False,
        seed: str = "",
    ) -> Order:
        """Stations worst first.

        Parameters
        ----------
        criterion
            One of :data:`CRITERIA`; :attr:`usual` when left out.
        products
            Those that the criterion looks at: two for a difference, all when left out.
        states
            Subject → state of its review; what is not in it is new.
        reverse
            Best first; missing values stay last.
        seed
            Of the random order: the same seed gives the same order.

        Raises
        ------
        ReviewError
            If there is no such criterion or product.
        """
        criterion = criterion or self.usual
        values, subjects = self.values(criterion, products), self.table.subjects
        state = np.array([(states or {}).get(subject, words.NEW) for subject in subjects], object)
        shown = np.flatnonzero(self._passes(filters or Filters(), state))
        if criterion == RANDOM:
            key = np.argsort([_mixed(subject, seed) for subject in subjects]).argsort().astype(float)
            values = np.full(len(subjects), np.nan)
        else:
            key = values if (CRITERIA[criterion].worst == "least") != reverse else -values
        missing = ~np.isfinite(values[shown]) & (criterion != RANDOM)
        order = shown[np.lexsort((shown, np.where(missing, 0.0, key[shown]), missing))]
        counts = {name: int((state[shown] == name).sum()) for name in words.STATES}
        return Order(
            criterion, tuple(subjects[i] for i in order), values[order], len(subjects), int(missing.sum()), counts
        )

    def _passes(self, filters: Filters, state: NDArray[np.object_]) -> NDArray[np.bool_]:
        facts = self.table.facts
        passes = np.ones(len(facts), bool)
        named = {
            "network": filters.networks, "depth": filters.depths, "land_cover": filters.land_covers,
            "climate": filters.climates,
        }  # fmt: skip
        for name, wanted in named.items():
            if wanted:
                passes &= facts[name].isin(wanted).to_numpy()
        if filters.states:
            passes &= np.isin(state, filters.states)
        if filters.text.strip():
            passes &= self.table.mentions(filters.text)
        return passes


def unit_of(criterion: str, data_unit: str) -> str:
    """Unit of the numbers of a criterion, '' for a plain number."""
    unit = CRITERIA[criterion].unit
    return data_unit if unit == "data" else unit


def _mixed(subject: str, seed: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{subject}".encode("utf-8", "surrogatepass")).digest()
