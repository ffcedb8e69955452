"""Scaling of a product to a reference before they are compared: fitted location by location, kept, applied.

Absolute metrics want no scaling. Where two data sets differ in level and range by nature (a model layer against a
probe, % of saturation against m3 m-3), scaling takes that difference away, and with it what the bias could say:
:data:`VOID` names the metrics that scaling sets by construction. To be fair the parameters come from another period
than the one that is scored (:class:`FitPeriod`).

A value counts for the fit where product and reference are both finite and ``fit`` allows it; every finite value of the
product is then scaled, also outside the fitted range.

References
----------
Reichle, R. H. and Koster, R. D. (2004): Bias reduction in short records of satellite soil moisture. Geophys. Res.
Lett. 31, L19501, doi:10.1029/2004GL020938 (CDF matching). Moesinger, L. et al. (2020): The global long-term microwave
Vegetation Optical Depth Climate Archive (VODCA). Earth Syst. Sci. Data 12, 177-196, doi:10.5194/essd-12-177-2020
(regression at the edges of the CDF). Yilmaz, M. T. and Crow, W. T. (2013): The optimality of potential rescaling
approaches in land data assimilation. J. Hydrometeorol. 14, 650-660, doi:10.1175/JHM-D-12-052.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from smcore import names
from smcore.errors import MatchError, Status
from smcore.validation.matching.period import period_limits
from smcore.validation.matching.times import DAY, to_datetime
from smcore.validation.metrics import is_constant

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

METHODS: Final = ("none", "mean_std", "min_max", "linear", "cdf")
PERCENTILES: Final = (0.0, 5.0, 10.0, 30.0, 50.0, 70.0, 90.0, 95.0, 100.0)
"""Knots of CDF matching (Gruber et al. 2020, doi:10.1016/j.rse.2020.111806)."""

BIN_VALUES: Final = 20
"""Values that the smallest bin between two percentiles needs (as pytesmo)."""

MIN_FIT: Final = 10
"""Pairs that a scaling by mean, range or line needs (as a metric does)."""

MIN_FIT_CDF: Final = 2 * BIN_VALUES
"""Pairs that CDF matching needs: fewer make one bin, which is a regression line and no CDF."""

VOID: Final[dict[str, tuple[str, ...]]] = {
    "none": (),
    "mean_std": ("bias", "mse_bias", "mse_variance"),
    "min_max": ("bias", "mse_bias"),
    "linear": ("bias", "mse_bias", "slope"),
    "cdf": ("bias", "mse_bias", "mse_variance"),
}
"""Metrics that a scaling sets, exactly or nearly, whatever the product is worth."""

_NO_TIME = np.iinfo(np.int64).min


@dataclass(frozen=True, eq=False)
class Scaling:
    """Parameters of one scaling, location by location, as they were fitted.

    Parameters
    ----------
    method
        One of :data:`METHODS`.
    n
        (location,) pairs that it was fitted on.
    status
        (location,) :class:`smcore.errors.Status`; where it is not ``ok`` the scaled series is NaN throughout.
    slope, intercept
        (location,) of all methods but ``cdf``: scaled = slope · product + intercept.
    source, target
        (location, knot) of ``cdf``: percentiles of product and reference, ascending, NaN to the right of the last one.
    """

    method: str
    n: Ints
    status: NDArray[np.object_]
    slope: Floats
    intercept: Floats
    source: Floats
    target: Floats

    def apply(self, product: Floats) -> Floats:
        """Scale ``product`` (location, pair), NaN where missing or where the location has no parameters."""
        product = np.asarray(product, np.float64)
        if self.method == "none":
            return product
        if self.method == "cdf":
            from smcore.validation.kernels.scaling import interpolate

            return interpolate(product, self.source, self.target)
        from smcore.validation.kernels.scaling import line

        return line(product, self.slope, self.intercept)

    def dataset(self) -> xr.Dataset:
        """The parameters as a dataset (location, knot), to be stored; the status as text."""
        place, knot = names.LOCATION, (names.LOCATION, "knot")
        result = xr.Dataset({"n": (place, self.n), "status": (place, self.status.astype(str))})
        if self.method == "cdf":
            result = result.assign(source=(knot, self.source), target=(knot, self.target))
        else:
            result = result.assign(slope=(place, self.slope), intercept=(place, self.intercept))
        return result.assign_attrs(method=self.method)


def scale(product: Floats, reference: Floats, *, method: str, fit: Bools | None = None) -> Floats:
    """Return ``product`` scaled to ``reference``, each location on its own; see :func:`fit_scaling` for the rules.

    Parameters
    ----------
    product, reference
        (location, pair) float64, NaN where missing.
    method
        One of :data:`METHODS`.
    fit
        (location, pair): pairs to fit on; None takes all.

    Returns
    -------
    ndarray (location, pair)
        In the unit of the reference; NaN where the product is missing, and in the whole row of a location whose
        parameters could not be fitted.

    Raises
    ------
    MatchError
        If the method is unknown.
    """
    return fit_scaling(product, reference, method=method, fit=fit).apply(product)


def fit_scaling(product: Floats, reference: Floats, *, method: str, fit: Bools | None = None) -> Scaling:
    """Fit the parameters that scale ``product`` to ``reference``, both (location, pair) with NaN where missing.

    Notes
    -----
    - ``mean_std``: mean and standard deviation of the reference.
    - ``min_max``: smallest and largest value of the reference.
    - ``linear``: least-squares line of the reference on the product. It shrinks the product by R, so that the scaled
      series varies less than the reference. A falling line has no parameters (``negative_slope``): it would turn the
      product upside down and so its R positive. pytesmo takes the absolute slope there, with the falling line's
      intercept.
    - ``cdf``: percentiles :data:`PERCENTILES` of both, at ranks (i − ½)/n, joined by straight lines. Percentiles that
      are equal because of ties are spread linearly towards the next larger one. The outermost reference percentiles
      come from a regression through the 5th (95th) over the tail below (above) it. Values outside the fitted range
      continue the outermost lines; they may leave the physical range and are not cut. With fewer than 400 pairs the
      percentiles give way to equal bins of at least 20 values. All of this is pytesmo's ``cdf_match`` with these
      percentiles.

    A location has no parameters with fewer than :data:`MIN_FIT` pairs (``cdf``: :data:`MIN_FIT_CDF`; ``too_few``, or
    ``no_overlap`` without any), or where either series is constant over them (``constant_series``).

    Raises
    ------
    MatchError
        If the method is unknown.
    """
    if method not in METHODS:
        raise MatchError(f"There is no scaling {method!r}", where="--scaling", hint=f"choose {', '.join(METHODS)}")
    x, y = np.asarray(product, np.float64), np.asarray(reference, np.float64)
    assert x.shape == y.shape
    assert x.ndim == 2
    from smcore.validation.kernels.scaling import summarise

    moments = summarise(x, y, fit)
    count, ok = moments[0].astype(np.int64), np.full(len(x), Status.OK, object)
    blank, knots = np.full(len(x), np.nan), np.full((len(x), len(PERCENTILES)), np.nan)
    if method == "none":
        return Scaling(method, count, ok, np.ones(len(x)), np.zeros(len(x)), knots, knots)
    status = _status(moments, MIN_FIT_CDF if method == "cdf" else MIN_FIT)
    if method == "cdf":
        source, target = _knots(x, y, fit, np.where(status == ok, count, 0), int(count.max(initial=0)))
        return Scaling(method, count, status, blank, blank, source, target)
    slope, intercept = _line(moments, method)
    status[(status == ok) & (slope < 0)] = Status.NEGATIVE_SLOPE
    slope, intercept = (np.where(status == ok, v, np.nan) for v in (slope, intercept))
    return Scaling(method, count, status, slope, intercept, knots, knots)


@dataclass(frozen=True)
class FitPeriod:
    """The days that a scaling is fitted on [µs, UTC]: first instant and the instant after the last."""

    first: int
    stop: int

    @staticmethod
    def parse(start: str, end: str) -> FitPeriod:
        """Read two ISO days, the last one inclusive.

        Raises
        ------
        MatchError
            If one can't be read or the end is before the start.
        """
        try:
            return FitPeriod(*period_limits(start, end))
        except MatchError as error:
            raise MatchError(error.what, where="--scaling-period", hint=error.hint) from error

    def masks(self, time: Ints) -> tuple[Bools, Bools]:
        """Which pairs to fit on and which to score: those inside and those outside the period, padding in neither.

        Parameters
        ----------
        time
            Times of pairs [µs], any shape; ``NO_TIME`` is padding.
        """
        inside = (time >= self.first) & (time < self.stop)
        return inside, ~inside & (time != _NO_TIME)

    def check(self, first: int, stop: int) -> None:
        """Check against the days [µs] that both sides have: some must be there to fit on, and others to score.

        Raises
        ------
        MatchError
            If the period misses those days, or leaves none.
        """
        common = f"{_day(first)} to {_day(stop - 1)}"
        if self.stop <= first or self.first >= stop:
            raise MatchError(
                f"The scaling period {self.text} has no common day of product and reference",
                where=f"they share {common}",
                hint="choose --scaling-period within them",
            )
        if self.first <= first and self.stop >= stop:
            raise MatchError(
                f"The scaling period {self.text} takes all common days and leaves none to score",
                where=f"they are {common}",
                hint="choose a shorter --scaling-period, or leave it out to fit and score on the same days",
            )

    @property
    def text(self) -> str:
        """First and last day."""
        return f"{_day(self.first)} to {_day(self.stop - 1)}"


def scaling_note(method: str, period: FitPeriod | None) -> str:
    """Say in a sentence how the product was scaled, for tables; empty without scaling."""
    if method == "none":
        return ""
    where = f"on {period.text}, whose pairs are not scored" if period else "on the very pairs that are scored"
    return f"scaling: product scaled to the reference by {method}, fitted {where}; {', '.join(VOID[method])} say little"


def _status(moments: Floats, needed: int) -> NDArray[np.object_]:
    """Status (location,) before any fit; a series is constant by the rule of the metrics, seen from its range."""
    count, _, _, _, _, _, low_x, high_x, low_y, high_y = moments
    status = np.full(len(count), Status.OK, object)
    status[is_constant(np.stack([low_x, high_x], axis=1), np.stack([low_y, high_y], axis=1))] = Status.CONSTANT_SERIES
    status[count < needed] = Status.TOO_FEW
    status[count == 0] = Status.NO_OVERLAP
    return status


def _line(moments: Floats, method: str) -> tuple[Floats, Floats]:
    """Slope and intercept (location,) by the method's definition."""
    _, mean_x, mean_y, s_xx, s_yy, s_xy, low_x, high_x, low_y, high_y = moments
    if method == "min_max":
        slope = _ratio(high_y - low_y, high_x - low_x)
        return slope, low_y - slope * low_x
    slope = _ratio(np.sqrt(s_yy), np.sqrt(s_xx)) if method == "mean_std" else _ratio(s_xy, s_xx)
    return slope, mean_y - slope * mean_x


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros(len(above)), where=below > 0)


def _knots(x: Floats, y: Floats, fit: Bools | None, count: Ints, most: int) -> tuple[Floats, Floats]:
    from smcore.validation.kernels.scaling import ascending_pairs, cdf_knots

    left, right = ascending_pairs(x, y, fit, most)
    return cdf_knots(left, right, count, np.array(PERCENTILES), BIN_VALUES)


def _day(time: int) -> str:
    return str(to_datetime(np.array([time // DAY * DAY]))[0])[:10]
