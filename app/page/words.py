"""Words of the data that the page says in its language: kinds, variables, flags, rules, states, metrics.

They come from the library, which speaks English; here they are only listed, so that each has its line in the message
catalogue. :func:`app.page.language.tr` takes any word, and one of another producer stays as it is.
"""

from __future__ import annotations

import re

from app.page.language import mark, tr
from smcore.errors import SmcoreError

_VALUE = re.compile(r"'[^']*'|-?\d(?:[\d,.:T-]*\d)?")
"""What varies in a sentence of the library: a name in quotes, a number, a day."""
KINDS = (
    mark("observed"), mark("reconstructed"), mark("downscaled"), mark("modelled"), mark("reference"), mark("forcing"),
    mark("static"), mark("stations"),
)  # fmt: skip
ORIGINS = (mark("filled"), mark("predicted"))
VARIABLES = (
    mark("soil moisture"), mark("soil moisture uncertainty"), mark("precipitation"), mark("2 m air temperature"),
    mark("downward long-wave radiation"), mark("downward short-wave radiation"), mark("2 m specific humidity"),
    mark("surface pressure"), mark("10 m eastward wind"), mark("10 m northward wind"), mark("soil temperature"),
    mark("skin temperature"), mark("land surface temperature"), mark("land surface temperature by day"),
    mark("land surface temperature by night"), mark("evaporation"), mark("snow-covered share"), mark("albedo"),
    mark("leaf area index, low vegetation"), mark("leaf area index, high vegetation"),
    mark("2 m dew-point temperature"), mark("net short-wave radiation"), mark("net long-wave radiation"),
    mark("elevation"), mark("terrain slope"), mark("clay by weight"), mark("sand by weight"), mark("silt by weight"),
    mark("gravel by volume"), mark("soil bulk density"), mark("soil organic carbon"), mark("soil porosity"),
    mark("available water capacity"), mark("IGBP land-cover class"), mark("open-water share"), mark("land share"),
    mark("frozen-ground flag"), mark("ERA5-Land soil water, 0-7 cm"), mark("ERA5-Land soil water, 7-28 cm"),
    mark("vegetation water content"), mark("surface roughness coefficient"), mark("dense-vegetation flag"),
)  # fmt: skip
RULES = (
    mark("frozen ground"), mark("snow and ice"), mark("open water"), mark("dense vegetation"), mark("steep relief"),
    mark("urban"), mark("coast"), mark("barren"), mark("radio interference"),
)  # fmt: skip
METHODS = (
    mark("Bicubic spline of a coarse field"), mark("Seasonal climatology of the location itself"),
    mark("Coarse pixel repeated"), mark("Penalised least squares on cosine transforms (DCT-PLS)"),
    mark("Last valid observation"), mark("Ridge regression on forcings and their past means"),
    mark("Natural cubic spline in time"),
)  # fmt: skip
FLAGS = (
    mark("no flag is set"), mark("retrieval not recommended"), mark("retrieval not attempted"),
    mark("retrieval not successful"), mark("freeze thaw retrieval not successful"), mark("static water body"),
    mark("radar water body"), mark("coastal proximity"), mark("urban area"), mark("snow or ice"),
    mark("permanent snow or ice"), mark("radiometer frozen ground"), mark("model frozen ground"),
    mark("mountainous terrain"), mark("nadir region"), mark("not successful"), mark("static water"),
    mark("barren ground advisory"), mark("snow coverage or temperature below zero"),
    mark("no convergence in the model"), mark("soil moisture exceeds physical boundary"),
    mark("weight of measurement below threshold"),
    mark("all datasets deemed unreliable"), mark("snow"),
)  # fmt: skip
STATES = (
    mark("no overlap"), mark("too few"), mark("constant series"), mark("out of grid"), mark("unit mismatch"),
    mark("none recommended"), mark("failed"), mark("negative slope"), mark("negative variance"), mark("better"),
    mark("worse"), mark("undecided"), mark("seen"),
)  # fmt: skip
METRICS = (
    mark("number of pairs"), mark("Pearson correlation"), mark("Spearman rank correlation"),
    mark("Kendall rank correlation"), mark("bias"), mark("root-mean-square difference"),
    mark("unbiased root-mean-square difference"), mark("mean absolute difference"),
    mark("mean square difference by bias"), mark("mean square difference by variance"),
    mark("mean square difference by correlation"), mark("Nash–Sutcliffe efficiency"), mark("Kling–Gupta efficiency"),
    mark("slope of product on reference"), mark("slope"), mark("dry days found"), mark("wet days found"),
    mark("Heidke skill for dry days"), mark("Heidke skill for wet days"),
)  # fmt: skip


PROGRESS = (
    mark("tile {0} of {1}"), mark("{0} tiles done"), mark("step {0} of {1}"), mark("cell {0} of {1}"),
    mark("reading inputs"), mark("waiting for workers"), mark("writing"), mark("opening the data"), mark("scoring"),
    mark("counting pairs for the scatter"), mark("adding it to the catalogue"), mark("looking at the files"),
    mark("looking at the source files"), mark("checksums of the source files"), mark("seasons"), mark("stations"),
    mark("table"), mark("done"), mark("compiling, once on this machine: about a minute"), mark("valid share"),
    mark("measuring"), mark("writing rows"), mark("comparing with the source"), mark("compressing"),
    mark("frame {0} of {1}"), mark("written and compared"), mark("written"),
)  # fmt: skip
ERRORS = (
    mark("The store of {0} is gone"), mark("ingest it again, or mend the entry"), mark("There is no entry {0}"),
    mark("South {0} is not below north {1}"), mark("West and east are both {0}"),
    mark("The start {0} is after the end {1}"), mark("No step between {0} and {1}"), mark("data from {0} to {1}"),
    mark("choose dates inside the data"), mark("The box {0}…{1} °E, {2}…{3} °N misses the data"),
    mark("data cover {0}…{1} °E, {2}…{3} °N"), mark("draw it over the data"), mark("A polygon needs three corners"),
    mark("draw it again"), mark("The corners lie on one line, or beyond the Earth"), mark("draw the area again"),
    mark("The polygon has no cell's centre inside"), mark("draw a larger one, or take the box around it"),
    mark("The polygon crosses itself near {0}, {1}"), mark("give its corners in their order around it"),
    mark("The formula can't be read"), mark("The formula names no layer"), mark("a is the product on the map"),
    mark("There is no function {0}"), mark("The formula has {0} parts, more than {1}"),
    mark("Two comparisons in a row can't be told apart"), mark("write a > {0} and a < {1}"),
    mark("Flags and conditions can't be reckoned with"), mark("use them in where, as in quality == {0}"),
    mark("The file is larger than {0} MB"), mark("simplify its lines first"), mark("The file is no JSON"),
    mark("save it as GeoJSON, for example with ogr2ogr"), mark("The file holds no point, line or polygon"),
    mark("The coordinates are in another system than degrees"), mark("reproject the file to EPSG:{0}"),
    mark("The line has no length, or its ends lie opposite each other"), mark("choose two other places"),
    mark("The line misses the product"), mark("draw it over the product"),
    mark("The range begins on {0} and ends before it, on {1}"), mark("There is no step from {0} to {1}"),
    mark("choose days inside the data"), mark("One of them lies across the dateline"),
)  # fmt: skip
FIGURES = (
    mark("Plate Carrée"), mark("EASE-Grid 2.0 (global cylindrical, equal area)"), mark("Robinson"),
    mark("Lambert conformal conic"), mark("Lambert azimuthal, equal area"), mark("Loam, with title"),
    mark("reading the data"), mark("drawing png"), mark("drawing svg"), mark("drawing pdf"),
    mark("writing data, caption and references"), mark("Scatter by network and by land cover"),
    mark("Pattern, series and in-situ table"), mark("Density scatter, and maps of R, bias and ubRMSD"),
    mark("Importance and table by network"), mark("Distribution of R and RMSD over sites"),
)  # fmt: skip
NOUNS = (mark("cells"), mark("sensors"), mark("pixels"), mark("Cells"), mark("Sensors"), mark("Pixels"))


def of_library(said: str) -> str:
    """What the library says, in the language of the page, where all that varies in it are numbers, days and names.

    That holds for what it says of its progress, and for some of its notes and errors. Any other sentence stays English.
    """
    values = _VALUE.findall(said)
    places = iter(range(len(values)))
    known = _VALUE.sub(lambda _: f"{{{next(places)}}}", said)
    found = tr(known)
    return said if found == known else found.format(*values)


def said_of(error: SmcoreError) -> str:
    """The sentence of an error, in the language of the page as far as the page knows its parts."""
    place = f" ({error.where})" if error.where else ""
    advice = tr("; ") + of_library(error.hint) if error.hint else ""
    return " ".join(f"{of_library(error.what)}{place}{advice}".split())


def word(name: str) -> str:
    """A name of the data as words, in the language of the page where it is one of the known ones."""
    return tr(name.replace("_", " "))
