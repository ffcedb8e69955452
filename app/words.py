"""Words of the data that the page says in its language: kinds, variables, flags, rules, states, metrics.

They come from the library, which speaks English; here they are only listed, so that each has its line in the message
catalogue. :func:`app.language.tr` takes any word, and one of another producer stays as it is.
"""

from __future__ import annotations

import re

from app.language import mark, tr

_NUMBER = re.compile(r"\d+(?:[,.]\d+)*")
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
)  # fmt: skip
NOTES = (
    mark("depth mismatch: product {0}–{1} m, reference {2} m"),
    mark("depth mismatch: product {0}–{1} m, reference {2} m ({3} of {4} sensors)"),
    mark("depth mismatch: product {0}–{1} m, reference {2}–{3} m"),
    mark("depth mismatch: product {0}–{1} m, reference {2}–{3} m ({4} of {5} sensors)"),
    mark("pairs: records nearest to each other, at most {0} h apart, each used once"),
)
NOUNS = (mark("cells"), mark("sensors"), mark("pixels"), mark("Cells"), mark("Sensors"), mark("Pixels"))


def of_library(said: str) -> str:
    """What the library says, in the language of the page, where all that varies in the sentence is its numbers.

    That holds for what it says of its progress, and for some of its notes. Any other sentence stays English.
    """
    numbers = _NUMBER.findall(said)
    places = iter(range(len(numbers)))
    known = _NUMBER.sub(lambda _: f"{{{next(places)}}}", said)
    found = tr(known)
    return said if found == known else found.format(*numbers)


def word(name: str) -> str:
    """A name of the data as words, in the language of the page where it is one of the known ones."""
    return tr(name.replace("_", " "))
