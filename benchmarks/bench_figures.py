"""Time figures for papers: a two-column map with coast as PNG, SVG and PDF, and the other kinds; beside a bare savefig.

Data are synthetic: fields in memory as they are read for a figure, and one global 1 km store. Times are processor times
of one process with warm modules; drawing twice gives the same bytes, which is checked as it goes.

    python benchmarks/bench_figures.py [--runs 5] [--folder DIR] [--quick] [--out benchmarks/results_figures.md]
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import matplotlib as mpl
import numpy as np
from explore.timing import median_ms
from explore.world import prepared as prepared_store

from smcore.catalog import Catalog, CatalogEntry
from smcore.figures.catalogued import cells_field
from smcore.figures.data import Data, Told
from smcore.figures.drawing import Prepared, picture, prepare
from smcore.figures.projections import NAMES
from smcore.figures.recipe import FORMAT, VERSION, Recipe, recipe_of
from smcore.figures.scatter import scatter_data
from smcore.figures.series import Line, series_data
from smcore.figures.sources import Places
from smcore.grids import ease

PNG, SVG = 2000.0, 1000.0  # budgets [ms]
FORMS = ("png", "svg", "pdf")
_STEP = """
Reading the 1 km step for its figure, 14 616 × 34 704 cells, took {read:.0f} ms more: its overview is read."""


@dataclass
class Row:
    """Processor times [ms] of one figure."""

    what: str
    times: dict[str, float]
    size: dict[str, int]


def recipe(kind: str, **more: object) -> Recipe:
    """A recipe whose data are given apart."""
    empty = {"source": "embedded", "columns": {"a": [0]}}
    return recipe_of({"format": FORMAT, "version": VERSION, "kind": kind, "data": empty, "preset": "agu", **more})


def field(name: str, *cut: slice) -> Data:
    """A smooth field over a whole EASE-Grid 2.0 or a part of it, a third of it missing."""
    grid = ease(name).cut(*cut) if cut else ease(name)
    y, x = np.meshgrid(np.linspace(0, 9, grid.shape[0]), np.linspace(0, 20, grid.shape[1]), indexing="ij")
    values = (0.25 + 0.2 * np.sin(x + np.sin(y)) * np.cos(y)).astype(np.float32)
    values[np.sin(1.7 * x) * np.cos(2.3 * y) > 0.3] = np.nan
    told = Told("Synthetic field", "soil moisture", "m3 m-3", n=int(np.isfinite(values).sum()), synthetic=True)
    return Data(told, field=cells_field(values, grid, "m3 m-3", "soil moisture"))


def curves() -> Data:
    """Five products of 3000 days and three sensors of as many."""
    rng = np.random.default_rng(1)
    time_ = np.datetime64("2012-01-01") + np.arange(3000)
    lines = [
        Line(
            f"series {i}",
            time_,
            0.25 + 0.05 * np.sin(np.arange(3000) / 58 + i) + rng.normal(0, 0.02, 3000),
            "m3 m-3",
            "#0072b2",
        )
        for i in range(8)
    ]
    return series_data(lines, Told("Synthetic series", synthetic=True))


def pairs() -> Data:
    """A million pairs."""
    rng = np.random.default_rng(2)
    x = rng.beta(2, 5, 1_000_000) * 0.6
    y = x + rng.normal(0, 0.05, len(x))
    told = Told("Synthetic pairs", synthetic=True)
    return scatter_data(y, x, told, names=("product", "reference"), units=("m3 m-3",) * 2, metrics={"pearson_r": 0.9})


def timed(what: str, made: Recipe, data: Data, runs: int) -> Row:
    """Draw in every format; the bytes must be the same each time."""
    whole = Prepared(made, (data,))
    times, sizes = {}, {}
    for form in FORMS:
        first = picture(whole, form)
        times[form] = median_ms(lambda _, f=form: picture(whole, f), runs, time.process_time)
        assert picture(whole, form) == first
        sizes[form] = len(first)
    return Row(what, times, sizes)


def floor(runs: int) -> Row:
    """A bare matplotlib figure of the size of a two-column map, with one image and axes, and nothing else."""
    from matplotlib.figure import Figure

    image = np.random.default_rng(0).random((900, 2244)).astype(np.float32)

    def bare(form: str) -> bytes:
        made = Figure(figsize=(190 / 25.4, 4.1))
        made.add_subplot().imshow(image)
        buffer = io.BytesIO()
        made.savefig(buffer, format=form, dpi=300)
        return buffer.getvalue()

    times = {form: median_ms(lambda _, f=form: bare(f), runs, time.process_time) for form in FORMS}
    return Row("floor: bare `savefig` of one image of this size", times, {form: len(bare(form)) for form in FORMS})


def one_kilometre(folder: Path, runs: int) -> tuple[Row, float]:
    """A global 1 km step from its store: what drawing costs, and what reading does."""
    store = prepared_store(folder, ease("M01"), "global-1km", 1)
    first = str(store.time[0])[:10]
    entry = CatalogEntry(
        "global-1km",
        "Synthetic 1 km",
        "modelled",
        "cube",
        folder / "global-1km",
        synthetic=True,
        time_support="day-mean",
    )
    source = {"source": "catalogue", "products": ["global-1km"], "time": first}
    made = recipe_of({"format": FORMAT, "version": VERSION, "kind": "map", "data": source, "projection": "robinson"})
    places = Places(Catalog([entry]))
    read = median_ms(lambda _: prepare(made, places), max(runs // 2, 1), time.process_time)
    return timed("1 km global, Robinson", made, prepare(made, places).data[0], runs), read


def measure(folder: Path, runs: int, *, quick: bool) -> tuple[list[Row], float]:
    """All rows, and the time of reading the 1 km step; without that step, whose store takes minutes, where quick."""
    coarse, fine = field("M36"), field("M09")
    rows = [timed(f"36 km global, {name}", recipe("map", projection=name), coarse, runs) for name in NAMES[:3]]
    rows += [timed("9 km global, Robinson", recipe("map", projection="robinson"), fine, runs)]
    region = field("M01", slice(2300, 4000), slice(5900, 7660))  # 3.0 million cells, the most that are drawn one by one
    rows += [
        timed(f"1 km, 1700 × 1760 cells on a whole page, {name}", recipe("map", projection=name), region, runs)
        for name in ("lambert-conformal", "robinson", "ease-2")
    ]
    kilometre, read = (None, float("nan")) if quick else one_kilometre(folder, runs)
    rows += [
        *([kilometre] if kilometre else []),
        timed("series: 8 of 3000 days", recipe("series"), curves(), runs),
        timed("scatter: a million pairs as density", recipe("scatter", columns=1), pairs(), runs),
        floor(runs),
    ]
    return rows, read


def report(rows: list[Row], read: float) -> str:
    """The rows as Markdown."""
    lines = ["| figure, two columns (190 mm) | PNG, 300 dpi | SVG | PDF | kB |", "|---|---|---|---|---|"]
    for row in rows:
        sizes = ", ".join(f"{row.size[form] / 1000:.0f}" for form in FORMS)
        lines.append(f"| {row.what} | {' | '.join(f'{row.times[form]:.0f}' for form in FORMS)} | {sizes} |")
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"matplotlib {mpl.__version__}"
    )
    table = "\n".join(lines)
    step = "" if np.isnan(read) else _STEP.format(read=read)
    return f"""# Figures for papers (synthetic)

{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine}; load average at the end {os.getloadavg()[0]:.1f}.
Medians of processor time in ms, maps with coast at 1:50 million. Asked: PNG {PNG:.0f}, SVG {SVG:.0f}. Every figure was
drawn again to the same bytes.{step}

{table}
"""


def main() -> None:
    """Run and print, and keep the table where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--quick", action="store_true", help="without the global 1 km step")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        text = report(*measure(Path(folder), arguments.runs, quick=arguments.quick))
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
