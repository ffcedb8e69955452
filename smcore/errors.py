"""The errors of Loam and the status of a number that could not be given.

Every error is one sentence for a scientist: what happened, where, and what to do. A missing number of one
station is never an error: it is a :class:`Status` in the table.
"""

from __future__ import annotations

from enum import StrEnum


class SmcoreError(Exception):
    """A user's mistake or an unusable input, told in one sentence.

    Parameters
    ----------
    what
        What happened, without a final full stop.
    where
        File, entry, station or option it happened in; left out when empty.
    hint
        What to do about it; left out when empty.
    """

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        self.what, self.where, self.hint = what, where, hint
        super().__init__(self.sentence)

    @property
    def sentence(self) -> str:
        """The whole message on one line."""
        place = f" ({self.where})" if self.where else ""
        advice = f"; {self.hint}" if self.hint else ""
        return " ".join(f"{self.what}{place}{advice}".split())


class CatalogError(SmcoreError):
    """A catalogue or an entry of it can't be used."""


class ReaderError(SmcoreError):
    """A source file can't be read; ``code`` is stable and kept with the skipped file.

    Codes: ``not_found``, ``not_netcdf``, ``truncated``, ``missing_variable``, ``wrong_kind``, ``bad_values``,
    ``bad_archive``, ``empty``.
    """

    def __init__(self, what: str, *, code: str = "bad_values", where: str = "", hint: str = "") -> None:
        self.code = code
        super().__init__(what, where=where, hint=hint)


class CubeError(SmcoreError, ValueError):
    """A cube, pixel set or station collection breaks the data model."""


class WindowError(SmcoreError, ValueError):
    """A window is malformed or does not meet the data."""


class GridMismatch(SmcoreError, ValueError):
    """Two grids that should agree do not, or an axis is no grid that Loam knows."""


class UnitsError(SmcoreError, ValueError):
    """A unit is unknown, or two quantities can't be compared."""


class StoreError(SmcoreError):
    """A prepared store is damaged, foreign, locked or can't be written."""


class ModelError(SmcoreError):
    """A model can't be trained or run as asked."""


class SpecMismatch(ModelError):
    """The inputs at hand are not those that the model was trained with."""


class WeightsError(ModelError):
    """A checkpoint is damaged, foreign or does not fit its card."""


class MatchError(SmcoreError):
    """Product and reference can't be paired as asked."""


class NotEnoughPairs(SmcoreError):
    """No location at all has enough pairs."""


class ReviewError(SmcoreError):
    """A review log can't be used, or a decision can't be made as asked."""


class ExportError(SmcoreError):
    """A file can't be written."""


class RecipeError(ExportError):
    """A figure's recipe is malformed, of a newer version, or its data are not there or not the same."""


class Cancelled(SmcoreError):
    """The user stopped a long piece of work."""

    def __init__(self, what: str = "Stopped on request", *, where: str = "", hint: str = "") -> None:
        super().__init__(what, where=where, hint=hint)


class Status(StrEnum):
    """Why a number is there, or why it is not."""

    OK = "ok"
    NO_OVERLAP = "no_overlap"
    TOO_FEW = "too_few"
    CONSTANT_SERIES = "constant_series"
    OUT_OF_GRID = "out_of_grid"
    UNIT_MISMATCH = "unit_mismatch"
    NONE_RECOMMENDED = "none_recommended"
    FAILED = "failed"
    NEGATIVE_SLOPE = "negative_slope"
    NEGATIVE_VARIANCE = "negative_variance"
