"""A film of a window over time: the frames of the map, one after another, as GIF, or as MP4 where ffmpeg is at hand.

A frame is the gather of the map (:mod:`smcore.maps`) with the same codes and colours, its date in UTC, the coast and
the colour bar. Of more steps than a film may have every k-th is taken, k odd, so that morning and evening take turns.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore import names
from smcore.catalog import CatalogEntry
from smcore.errors import ExportError
from smcore.export import provenance, sizes
from smcore.export.source import Source, open_source
from smcore.maps import paint, plan
from smcore.masks import masked_map
from smcore.out_file import check_place, drafted
from smcore.progress import Cancel, Progress, check, never, part, quiet
from smcore.time_support import step_label
from smcore.window import Window

if TYPE_CHECKING:
    from smcore.figures.film_stage import Stage

Frames = Iterator[NDArray[np.uint8]]

MOST_FRAMES: Final = 400
WIDTHS: Final = (320, 1920)
RATES: Final = (1, 25)
"""Frames a second."""
_SAMPLED: Final = 3


@dataclass(frozen=True)
class FilmLook:
    """How a film is drawn.

    Parameters
    ----------
    colours, colour_range
        As on the map; '' and None: those that the variable opens with.
    width
        Of the picture [px].
    rate
        Frames a second.
    title
        '' takes the product's.
    """

    colours: str = ""
    colour_range: tuple[float, float] | None = None
    width: int = 960
    rate: int = 5
    title: str = ""


@dataclass(frozen=True)
class FilmSize:
    """What a film will be: frames, every which step, pixels, and about how many bytes."""

    frames: int
    every: int
    width: int
    height: int
    bytes: int


@dataclass(frozen=True)
class FilmWritten:
    """What was written; ``blank`` frames of it have no value in the window."""

    path: Path
    bytes: int
    frames: int
    blank: int
    seconds: float


class Film:
    """A window of one variable of a cube or gridded pixel set, ready to be filmed.

    Raises
    ------
    ExportError
        If the variable can't be filmed.
    WindowError
        If window and product do not meet.
    """

    def __init__(
        self,
        entry: CatalogEntry,
        variable: str = "",
        window: Window | None = None,
        *,
        quality: str = "all",
        rules: Sequence[str] = (),
        look: FilmLook | None = None,
    ) -> None:
        window, self.look = window or Window(), look or FilmLook()
        self.source: Source = open_source(entry, (variable,) if variable else (), window, quality, rules)
        self._check()

    @property
    def variable(self) -> str:
        """What is filmed."""
        return self.source.variables[0]

    def _check(self) -> None:
        source, look = self.source, self.look
        told = source.prepared.variable_attrs(self.variable)
        if not source.is_cube:
            raise ExportError("A film is of a grid", where=source.entry.id, hint="choose a product with a grid")
        if not source.has_steps(self.variable) or len(source.time) < 2:
            raise ExportError("A film needs two steps at least", where=source.entry.id, hint="choose more days")
        if "flag_meanings" in told or self.variable in (names.QUALITY, names.OBS_TIME):
            raise ExportError(f"Flags and times can't be filmed ({self.variable})", hint="choose a quantity")
        for what, value, (low, high) in (("width", look.width, WIDTHS), ("rate", look.rate, RATES)):
            if not low <= value <= high:
                raise ExportError(f"The {what} {value} is not between {low} and {high}")
        if look.colour_range and not look.colour_range[0] < look.colour_range[1]:
            raise ExportError("The colour range is empty", hint="give the lower number first")

    @property
    def every(self) -> int:
        """Every how many-th step is a frame."""
        least = -(-len(self.source.time) // MOST_FRAMES)
        return least + (least % 2 == 0)

    @cached_property
    def steps(self) -> list[int]:
        """Steps of the product that are frames."""
        return list(range(self.source.times.start, self.source.times.stop, self.every))

    @cached_property
    def colours(self) -> tuple[str, tuple[float, float]]:
        """Colour map and range."""
        from smcore.figures.colours import shades, usual_range

        source, look = self.source, self.look
        name = look.colours or ("soil moisture" if self.variable == names.SM else "batlow")
        try:
            shades(name)
        except KeyError as error:
            raise ExportError(
                f"There is no colour map {name!r}", hint="batlow, viridis, cividis, soil moisture"
            ) from error
        own = source.entry.colour_range if self.variable == source.entry.variable else None
        units = source.prepared.variables[self.variable]
        return name, look.colour_range or usual_range(self.variable, units, own)

    @cached_property
    def stage(self) -> Stage:
        """What stands still."""
        from smcore.figures.film_stage import set_stage

        source, (colours, colour_range) = self.source, self.colours
        told = source.prepared.variable_attrs(self.variable)
        box = source.grid.bbox
        if (source.window.west, source.window.east) != (-180.0, 180.0):
            box = _asked(source.window)
        nth = f"every {self.every}{'rd' if self.every == 3 else 'th'} step" if self.every > 1 else ""
        notes = "; ".join(filter(None, [provenance.period(source), nth, provenance.left_out(source)]))
        return set_stage(
            box, self.look.width, title=self.look.title or provenance.title(source), notes=[notes],
            label=str(told.get("long_name", self.variable)), units=source.prepared.variables[self.variable],
            colours=colours, colour_range=colour_range, synthetic=source.entry.synthetic,
        )  # fmt: skip

    def frame(self, step: int) -> tuple[NDArray[np.uint8], bool]:
        """One frame (height, width, 3), and whether it has a value."""
        from smcore.figures.film_stage import colour_table

        prepared, stage, (colours, (low, high)) = self.source.prepared, self.stage, self.colours
        gather = plan(prepared.grid, stage.view, len(prepared.levels))
        field = masked_map(
            prepared, self.variable, step, self.source.mask, level=gather.level, rows=gather.rows, cols=gather.columns
        )
        codes = paint(field, gather, low, high)
        return stage.compose(colour_table(colours), codes, self._moment(step)), bool(codes.any())

    def _moment(self, step: int) -> str:
        prepared = self.source.prepared
        overpass = str(prepared.overpass[step]) if prepared.overpass is not None else ""
        nominal = bool(prepared.attrs.get("time_is_nominal"))
        label = step_label(prepared.time[step], overpass, self.source.entry.time_support, nominal=nominal)
        return label if "UTC" in label or overpass else f"{label} (UTC)"  # an overpass is by the sun, not by UTC

    def size(self, kind: str) -> FilmSize:
        """Say how large the film will be, from frames here and there.

        Raises
        ------
        ExportError
            If the kind is unknown, or MP4 can't be made here.
        """
        from smcore.export import film_files

        film_files.check_kind(kind)
        chosen = np.unique(np.linspace(0, len(self.steps) - 1, _SAMPLED).astype(int))
        some = [self.frame(self.steps[i])[0] for i in chosen]
        each = film_files.bytes_of(kind, some, self.colours[0]) / len(some)
        width, height = self.stage.size
        return FilmSize(len(self.steps), self.every, width, height, round(each * len(self.steps)) + 5000)

    def afford(self, kind: str, out: Path, *, quota: int | None = None) -> FilmSize:
        """Say how large it will be, or that it may not be so large.

        Raises
        ------
        ExportError
            If it is larger than the quota or what the disk has left.
        """
        size, allowed = self.size(kind), sizes.quota() if quota is None else quota
        room = min(allowed, shutil.disk_usage(out.parent).free)
        if size.bytes > room:
            raise ExportError(
                f"The film would take about {sizes.human(size.bytes)}, and may take {sizes.human(room)}",
                hint="choose fewer days or a smaller width",
            )
        return size

    def write(
        self,
        out: Path,
        kind: str = "",
        *,
        progress: Progress = quiet,
        cancelled: Cancel = never,
        quota: int | None = None,
        overwrite: bool = False,
    ) -> FilmWritten:
        """Write the film; it is whole, or not there.

        Parameters
        ----------
        kind
            ``gif`` or ``mp4``; '' takes the ending of ``out``.
        overwrite
            As in :func:`smcore.out_file.check_place`.

        Raises
        ------
        ExportError
            If the place is taken, the film is larger than the quota or the disk, no frame has a value, or the disk
            refuses.
        Cancelled
            If the user stopped it.
        """
        from smcore.export import film_files

        kind = kind or out.suffix.lower().removeprefix(".")
        check_place(out, overwrite=overwrite)
        self.afford(kind, out, quota=quota)
        shown = _Shown(self, progress, cancelled)
        with drafted(out, overwrite=overwrite) as path:
            film_files.encode(kind, path, shown.frames(), self.stage.size, self.look.rate, self.colours[0])
            if shown.blank == shown.count:
                raise ExportError("No frame has a value in this window", hint="choose other days or another box")
            film_files.verify(kind, path, shown.count, self.stage.size)
            taken = sizes.size_of(path)
        progress(1.0, "written")
        return FilmWritten(out, taken, shown.count, shown.blank, shown.count / self.look.rate)


@dataclass
class _Shown:
    """The frames of a film as they are drawn, counted."""

    film: Film
    progress: Progress
    cancelled: Cancel
    count: int = 0
    blank: int = 0

    def frames(self) -> Frames:
        told, steps = part(self.progress, 0.0, 0.98), self.film.steps
        for step in steps:
            check(self.cancelled)
            picture, has_values = self.film.frame(step)
            self.count, self.blank = self.count + 1, self.blank + (not has_values)
            told(self.count / len(steps), f"frame {self.count} of {len(steps)}")
            yield picture


def _asked(window: Window) -> tuple[float, float, float, float]:
    east = window.east + 360.0 if window.crosses_dateline else window.east
    return window.west, max(window.south, -85.0), east, min(window.north, 85.0)


def look_of(values: dict[str, Any]) -> FilmLook:
    """A look from plain values, as a job keeps them."""
    low_high = values.get("colour_range")
    return FilmLook(**{**values, "colour_range": tuple(low_high) if low_high else None})
