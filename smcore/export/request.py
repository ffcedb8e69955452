"""The door of data out: say what, hear how large, write it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from smcore import plugins
from smcore.catalog import CatalogEntry
from smcore.errors import ExportError
from smcore.export import sizes
from smcore.export.proof import Count
from smcore.export.sizes import human
from smcore.export.source import Source, open_source
from smcore.out_file import check_place, drafted
from smcore.progress import Cancel, Progress, check, never, part, quiet
from smcore.window import Window

FORMATS = "smcore.export.formats"
_NEEDED = ("TITLE", "ENDING", "LAYOUTS", "sample", "fixed", "write", "verify")
_LAYOUT_WORDS = {"cube": "grids", "pixels": "pixel sets", "stations": "stations"}
_WATCH_EVERY = 20


@dataclass(frozen=True)
class Size:
    """How large an export will be.

    Attributes
    ----------
    bytes
        About, from samples of the data compressed as the format does.
    steps, cells
        Steps inside the window, and cells, sensors or pixels.
    values
        Numbers of all variables together, missing ones included.
    """

    bytes: int
    steps: int
    cells: int
    values: int


@dataclass(frozen=True)
class Written:
    """What was written: ``values`` counts those that are not missing; all were compared with the source."""

    path: Path
    format: str
    bytes: int
    steps: int
    cells: int
    values: int


def formats() -> list[str]:
    """Names of the formats."""
    return plugins.names(FORMATS)


def format_of(out: Path) -> str:
    """The format that a file's ending names.

    Raises
    ------
    ExportError
        If none does.
    """
    found = [name for name in formats() if out.suffix.lower() == _format(name).ENDING]
    if not found:
        raise ExportError(
            f"{out.name!r} does not tell the format", hint=f"name it with --format: {', '.join(formats())}"
        )
    return found[0]


def _format(name: str) -> ModuleType:
    if name not in formats():
        raise ExportError(f"There is no format {name!r}", hint=f"choose one of: {', '.join(formats())}")
    return plugins.load(FORMATS, name, _NEEDED)


class Export:
    """Some variables of one product inside a window, ready to be written.

    Parameters
    ----------
    variables
        Names; none means the product's own, with its flags at stations.
    quality, rules
        As in :func:`smcore.masks.resolve`.

    Raises
    ------
    ExportError, WindowError, CubeError
        If there is nothing to export.
    """

    def __init__(
        self,
        entry: CatalogEntry,
        variables: Sequence[str] = (),
        window: Window | None = None,
        *,
        quality: str = "all",
        rules: Sequence[str] = (),
    ) -> None:
        self.source: Source = open_source(entry, variables, window or Window(), quality, rules)

    def size(self, form: str) -> Size:
        """Say how large the file will be, before anything is written.

        Raises
        ------
        ExportError
            If the format is unknown or does not take such data.
        """
        source, module = self.source, _fitting(form, self.source)
        shape = source.shape(steps=source.is_timed)
        blocks, times = source.samples()
        sampled = sum(module.sample(source, block) for block in blocks)
        steps, cells = len(source.time), int(np.prod(source.shape(steps=False)))
        return Size(
            round(sampled * times) + module.fixed(source), steps, cells, int(np.prod(shape)) * len(source.variables)
        )

    def check(self, form: str, out: Path, *, quota: int | None = None, overwrite: bool = False) -> Size:
        """Say how large it will be, or why it can't be written there.

        Raises
        ------
        ExportError
            If something is at ``out``, the export is larger than the quota or the disk has room for, or the format
            can't hold it.
        """
        check_place(out, overwrite=overwrite)
        return self.afford(form, out, quota=quota)

    def afford(self, form: str, out: Path, *, quota: int | None = None) -> Size:
        """As :meth:`check`, whatever is at ``out``: for saying it before anybody has chosen a name."""
        module = _fitting(form, self.source)
        if hasattr(module, "examine"):
            module.examine(self.source, out)
        size = self.size(form)
        allowed = sizes.quota() if quota is None else quota
        if size.bytes > allowed:
            raise ExportError(
                f"The file would take about {human(size.bytes)}; an export may have {human(allowed)}",
                where=sizes.QUOTA_VARIABLE,
                hint=self._what_fits(size, allowed),
            )
        free = shutil.disk_usage(out.parent).free
        if size.bytes > free:
            raise ExportError(
                f"The file would take about {human(size.bytes)}, and the disk has {human(free)} left",
                where=str(out.parent),
                hint=self._what_fits(size, free),
            )
        return size

    def _what_fits(self, size: Size, allowed: int) -> str:
        share = allowed / size.bytes
        steps = int(0.95 * share * size.steps)
        if steps >= 1:
            return f"about {steps} of its {size.steps} steps fit: choose a shorter period or a smaller box"
        return f"about {max(int(0.95 * share * size.cells), 0)} of its {size.cells} cells fit: choose a smaller box"

    def write(
        self,
        out: Path,
        form: str = "",
        *,
        progress: Progress = quiet,
        cancelled: Cancel = never,
        quota: int | None = None,
        overwrite: bool = False,
    ) -> Written:
        """Write the file, read it again, compare it with the source, and only then give it its name.

        Parameters
        ----------
        form
            Name of the format; empty takes it from the ending of ``out``.
        quota
            Bytes that the file may have; None takes :func:`smcore.export.sizes.quota`.
        overwrite
            Whether a plain file that is there may be replaced, as :func:`smcore.out_file.check_place` has it.

        Raises
        ------
        ExportError
            As :meth:`check`, if no value lies in the window, the disk refuses, or what was written is not what was
            read. Nothing is left behind.
        Cancelled
            If the user stopped it.
        """
        form = form or format_of(out)
        module, count = _fitting(form, self.source), Count()
        allowed = sizes.quota() if quota is None else quota
        progress(0.0, "measuring")
        size = self.check(form, out, quota=allowed, overwrite=overwrite)
        with drafted(out, overwrite=overwrite) as path:
            watched = _watching(path, allowed, part(progress, 0.0, 0.6))
            module.write(self.source, path, watched, cancelled, count)
            if not count.values:
                raise ExportError(
                    f"{self.source.entry.id} has no value in this window", hint="choose other days or another box"
                )
            module.verify(self.source, path, part(progress, 0.6, 1.0), cancelled)
            check(cancelled)
            taken = sizes.size_of(path)
        progress(1.0, "written and compared")
        return Written(out, form, taken, size.steps, size.cells, count.values)


def _fitting(form: str, source: Source) -> ModuleType:
    module = _format(form)
    layout = source.prepared.layout
    if layout not in module.LAYOUTS:
        fit = ", ".join(name for name in formats() if layout in _format(name).LAYOUTS)
        raise ExportError(
            f"{module.TITLE} is for grids, and {source.entry.id} is of {_LAYOUT_WORDS[layout]}", hint=f"choose: {fit}"
        )
    return module


def _watching(path: Path, allowed: int, progress: Progress) -> Progress:
    """Report on, and stop a file that grows beyond what it may have, for a size that was foretold too small."""
    calls = 0

    def report(share: float, what: str) -> None:
        nonlocal calls
        calls += 1
        if calls % _WATCH_EVERY == 0 and sizes.size_of(path) > allowed:
            raise ExportError(
                f"The file grew beyond the {human(allowed)} that an export may have", hint="choose a smaller window"
            )
        progress(share, what)

    return report
