"""What a bundle holds, for somebody who has never heard of Loam."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from smcore.bundle.layout import CITATIONS, CRATE, FIGURES, HASHES, PAIRS, REPORT
from smcore.bundle.licences import Licence
from smcore.validation.runs.identity import run_identity

_TOLD = (
    ("run.json", "options, data sets with the fingerprints of their content, counts, sentences, versions"),
    ("metrics.csv", "every metric at every location: value, interval, n, status; at the end pooled and median"),
    ("metrics.nc", "the same as CF NetCDF"),
    ("common.csv", "the same on the records that all products have"),
    ("versus.csv", "every two products at every location"),
    ("strata.csv", "the same by network, season and the like"),
    ("triple.csv", "triple collocation"),
    ("stability.csv", "metrics in moving windows"),
    ("steps.csv", "metrics over space, day by day"),
    ("cells.csv", "metrics of the mean of the sensors of each cell"),
    ("qa4sm.nc", "the metrics in the form of QA4SM (qa4sm.eu)"),
    ("density.npz", "numbers of pairs in a raster of product against reference"),
    ("station_density.npz", "the same station by station, in bins with pairs enough: single pairs are not here"),
    ("review.sqlite", "log of the review; review/review.json and review/review.csv are the same"),
    (PAIRS, "pairs of product and reference, station by station, as CF NetCDF"),
    (FIGURES, "figures with the recipes that draw them again (loam figure RECIPE)"),
    (REPORT, "all of it to read, in any browser, without a network"),
    (CITATIONS, "what to cite"),
    (CRATE, "the same for archives (RO-Crate 1.1)"),
    (HASHES, "SHA-256 and size of every other file"),
)


def readme(
    title: str,
    record: Mapping[str, Any],
    sizes: Mapping[str, int],
    licences: Sequence[Licence],
    notes: Sequence[str],
) -> str:
    """The text of README.txt."""
    there = {name.partition("/")[0] for name in sizes} | {CRATE, HASHES}
    lines = [f"Validation of soil moisture: {_line(title)}", ""]
    lines += [f"Made with Loam {record['loam']}; identity of the run {run_identity(record)}.", ""]
    lines += [f"  {name:<28}{told}" for name, told in _TOLD if name in there]
    lines += ["", "Open it on any machine with Loam, without a network:", ""]
    lines += ["  loam serve THIS_FOLDER", "  loam compare THIS_FOLDER OTHER", "", "Licences of the data:", ""]
    lines += [_wrapped(f"{one.name}: {one.text or 'none stated'}; {one.why}.") for one in licences]
    if notes:
        lines += ["", "To be known:", "", *(_wrapped(f"{sentence}.") for sentence in notes)]
    lines += ["", "Metrics, tables and figures are results. Whoever uses them cites the data: see citations.bib."]
    return "\n".join(lines) + "\n"


def _wrapped(text: str) -> str:
    return textwrap.fill(_line(text), 100, initial_indent="  ", subsequent_indent="    ")


def _line(text: str) -> str:
    """Text of the data on one line, without characters that can't be seen."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
