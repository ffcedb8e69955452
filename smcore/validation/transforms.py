"""What is done to pairs before they are scored: scaling, then anomalies (the order of Gruber et al. 2020).

Gruber, A. et al. (2020): Validation practices for satellite soil moisture retrievals. Remote Sens. Environ. 244,
111806, doi:10.1016/j.rse.2020.111806.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from smcore.errors import MatchError, Status
from smcore.validation.anomalies import WINDOW_DAYS, anomaly_note, check_method, pair_anomalies
from smcore.validation.scaling import METHODS, FitPeriod, fit_scaling, scaling_note

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Statuses = NDArray[np.object_]

STANDARDISED: Final = "standardised"


def units_after(units: tuple[str, str], scaling: str, anomaly: str) -> tuple[str, str]:
    """Units of product and reference as they are scored: 1 once standardised, the reference's once scaled to it."""
    if anomaly == STANDARDISED:
        return "1", "1"
    return units if scaling == "none" else (units[1], units[1])


@dataclass(frozen=True)
class Transform:
    """Scaling and anomalies as one step.

    Parameters
    ----------
    scaling
        One of :data:`smcore.validation.scaling.METHODS`.
    period
        Days that the scaling is fitted on, which are then not scored, nor for a product without scaling beside; None
        fits on the pairs that are scored.
    anomaly
        One of :data:`smcore.validation.anomalies.METHODS`.
    """

    scaling: str = "none"
    period: FitPeriod | None = None
    anomaly: str = "none"

    def __post_init__(self) -> None:
        if self.scaling not in METHODS:
            raise MatchError(
                f"There is no scaling {self.scaling!r}", where="--scaling", hint=f"choose {', '.join(METHODS)}"
            )
        check_method(self.anomaly)

    @property
    def changes_nothing(self) -> bool:
        """Whether pairs stay as they are."""
        return self.scaling == self.anomaly == "none" and self.period is None

    @property
    def unifies_units(self) -> bool:
        """Whether both sides have the unit of the reference afterwards."""
        return self.scaling != "none"

    def units_after(self, product: str, reference: str) -> tuple[str, str]:
        """Units of product and reference as they are scored, from those of the data."""
        return units_after((product, reference), self.scaling, self.anomaly)

    @property
    def window(self) -> int | None:
        """Days of the moving mean that pairs depart from; None where they don't."""
        return WINDOW_DAYS if self.anomaly == "35d" else None

    def check(self, first: int, stop: int) -> None:
        """Check against the common days [µs] before anything is read.

        Raises
        ------
        MatchError
            If there are too few, or the scaling period leaves nothing to score.
        """
        check_method(self.anomaly, first, stop)
        if self.period is not None:
            self.period.check(first, stop)

    def apply(self, product: Floats, reference: Floats, time: Ints) -> tuple[Floats, Floats, Statuses]:
        """Transform pairs (location, pair) at ``time`` [µs]; NaN where nothing is left.

        Returns
        -------
        product, reference : ndarray (location, pair)
        status : ndarray (location,)
            ``ok``, or why a location has nothing left.
        """
        status = np.full(len(product), Status.OK, object)
        if self.changes_nothing:
            return product, reference, status
        fit, test = (None, None) if self.period is None else self.period.masks(time)
        if self.scaling != "none":
            scaling = fit_scaling(product, reference, method=self.scaling, fit=fit)
            product, status = scaling.apply(product), scaling.status.copy()
        if test is not None:
            product, reference = np.where(test, product, np.nan), np.where(test, reference, np.nan)
        if self.anomaly != "none":
            product, reference, why = pair_anomalies(product, reference, time, time, method=self.anomaly)
            status = np.where(status == Status.OK, why, status)
        return product, reference, status

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences to print with any number."""
        return tuple(text for text in (scaling_note(self.scaling, self.period), anomaly_note(self.anomaly)) if text)
