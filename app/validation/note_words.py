"""What is said beside the numbers of a match, in the language of the page: the library's notes by their patterns.

Depths, units, masks, scaling, what a model was trained on, exclusions, collocation, divisions that could not be made.
"""

from __future__ import annotations

from typing import Final

from app.page.language import mark
from app.page.sentences import Sentences
from app.page.words import of_library

PAIRING: Final = (
    mark("pairs: UTC days; a day of a series counts where it has half of its records or more"),
    mark("{a}; retrievals are not averaged, each is a pair of its own"),
    mark("{a}; by days since {b} does not say when each value was observed"),
    mark("pairs: records nearest to each other, at most {a} apart, each used once"), mark("by UTC days"),
    mark("nearest within {a} h"),
    mark("The product's value is a mean of several cells, whose overpasses can't be told apart"),
    mark("{a} is not compared: its depth lies outside the range of the run"),
    mark("locations: {a} of {b}, {c} within reach; {d}"), mark("locations: {a} of {b}; {c}"),
    mark("nearest centre of {a} along the great circle, at most {b} away"),
)  # fmt: skip
DATA: Final = (
    mark("units differ: product {a}, reference {b}; bias, rmsd and ubrmsd are not given (unit_mismatch), "
         "correlations are"),
    mark("depth mismatch: product {a}, reference {b} ({c} of {d} {e})"),
    mark("depth mismatch: product {a}, reference {b}"),
    mark("depth unknown: product {a}, reference {b} ({c} of {d} {e})"),
    mark("depth unknown: product {a}, reference {b}"),
    mark("{a} has days of {b}; they are paired with UTC days of the same date"),
    mark("{a} has no quality flags: --quality {b} leaves it as it is"),
    mark("{a} has nominal steps: its days are those that its source names"),
    mark("{a}: {b} of {c} retrievals are recommended ({d})"), mark("{a}: {b} of {c} retrievals are recommended"),
    mark("no data: {a} of {b} retrievals are recommended"),
    mark("{a}: {b} sensors carry no quality flag; all their values are used"), mark("pairs by overpass: {a}"),
    mark("mask {a}: {b} can't tell and are kept whole"), mark("mask {a}: values removed where {b} in {c}, by UTC day"),
    mark("mask {a}: values removed of {b}; {c} can't tell and is kept whole"), mark("mask {a}: values removed of {b}"),
)  # fmt: skip
DONE: Final = (
    mark("scaling: product scaled to the reference by {a}, fitted on {b}, whose pairs are not scored; {c} say "
         "little"),
    mark("scaling: product scaled to the reference by {a}, fitted on the very pairs that are scored; {b} say "
         "little"),
    mark("anomalies of the mean over {a} days ({b} days or more with a pair), each side its own, on common days; "
         "{c} say nothing of them"),
    mark("anomalies of the climatology of the calendar day ({a} years or more), divided by their spread, each "
         "side its own, on common days; {b} say nothing of them"),
    mark("anomalies of the climatology of the calendar day ({a} years or more), each side its own, on common "
         "days; {b} say nothing of them"),
    mark("exclusions: {a} left out of {b} ({c}): {d} usable records and {e} pairs fewer"),
    mark("exclusions: {a} are not among the locations that are compared"),
    mark("exclusions: {a} is not among the locations that are compared"),
    mark("the numbers are those of the run: exclusions made since are counted where its data are"),
    mark("{a} of {b} pairs lie in bins with fewer than {c} and are left out"),
)  # fmt: skip
INDEPENDENCE: Final = (
    mark("not independent: {a} is there twice; their errors come out too small and those of the others too large"),
    mark("not independent: {a} and {b} are one product, {c}; their errors come out too small and those of the "
         "others too large"),
    mark("not independent: {a} and {b} both rest on {c}; their errors come out too small and those of the others "
         "too large"),
    mark("not independent: {a} and {b} ({c}); hide cells to test it"),
    mark("{a} and {b} ({c}): scored on hidden cells only"),
    mark("{a} and {b} ({c}): scored only where and when it was not trained on it"),
    mark("{a} and {b} ({c}): the locations it has seen are marked"), mark("nothing says what went into {a}"),
    mark("independence unknown: {a} gives no word of what went into it (attribute inputs)"),
    mark("independence unknown: {a} give no word of what went into them (attribute inputs)"),
    mark("synthetic: {a} are of a made-up world, their errors are what its makers chose"), mark("synthetic: {a}"),
    mark("{a} was trained on {b}, {c}; none of the {d} locations was seen"),
    mark("{a} was trained on {b}, {c}: {d} of {e} locations lie in a trained 36 km cell and are left out on all "
         "days; the score with them is given beside"),
    mark("{a} was trained on {b}, {c}: {d} of {e} locations lie in a trained 36 km cell and are left out on those "
         "days; the score with them is given beside"),
    mark("{a} is {b} and does not say what it was trained on, so that what its model has seen can't be told "
         "apart; predict it again with this version"),
    mark("{a} is {b} and does not say what it was trained on, so that what its model has seen can't be told apart"),
)  # fmt: skip
ANALYSES: Final = (
    mark("extended collocation of {a} data sets; pairs that may share errors: {b}"),
    mark("{a}: negative variance at {b} of {c} locations ({d}): no error is given there"),
    mark("{a}: fewer than {b} common values at {c} of {d} locations: their numbers are uncertain"),
    mark("{a}: no interval at {b} of {c} locations: more than {d} of the draws have a negative variance"),
    mark("products are compared by UTC days, since one of them has no records within a day"),
    mark("stability of {a} is given at stations and pixels, not for the cells of a grid"),
    mark("stability of {a}: the common period is shorter than {b} days"),
    mark("{a} could not be scored by cells: {b}"),
    mark("{a}: upscaled to {b} cells of {c} from {d} sensors at {e} stations ({f} of the cells hold several): "
         "{g}, {h}; {i} excluded"),
    mark("{a}: upscaled to {b} cells of {c} from {d} sensors at {e} stations ({f} of the cells hold several): "
         "{g}, {h}"),
    mark("no division by {a}: no network is named"), mark("no division by {a}: no depth is stated"),
    mark("no division by {a}: neither side has overpasses; only retrievals have"),
    mark("no division by {a}: {b} is known at none of {c} locations (looked in {d}); name a catalogue entry with "
         "a static field {e} that covers them, or stations that state it"),
    mark("no division by {a}: {b}"),
)  # fmt: skip
VERSUS: Final = (
    mark("{a} and {b} can't be compared: none of {c} {d} has enough common pairs"),
    mark("{s}; standard deviation {t} of the reference's against {u}: smaller amplitude, no more information"),
    mark("{s}; standard deviation {t} of the reference's against {u}"), mark("{s}; ΔR {t}"),
    mark("{a} is better than {b} at {c} of {d} {e}, worse at {f}, {g} not judged (FDR {h} %, {i}, same {j}); "
         "median gain {k}"),
    mark("{a} is better than {b} at {c} of {d} {e}, worse at {f} (FDR {h} %, {i}, same {j}); median gain {k}"),
)  # fmt: skip
PARTS: Final = (
    mark("{a} (no interval: {b} groups of {c})"), mark("{a} (no interval: 1 group of {b})"),
    mark("{a} where {b}, of {c}"), mark("{a} where {b}"), mark("same grid, cell by cell"),
    mark("{a} periods of {b} sensors"), mark("{a} periods of {b} sensor"), mark("{a} period of {b} sensor"),
    mark("{a} periods of {b} pixels"), mark("{a} periods of {b} pixel"), mark("{a} period of {b} pixel"),
    mark("half the cell's diagonal"), mark("it is one of its inputs"), mark("it is its training target"),
    mark("some of its stations were trained on"), mark("both rest on {a}"), mark("the data themselves"),
    mark("areas nearest to each station as weights"), mark("stations weighted alike"),
    mark("levels of the sensors left as they are"), mark("differences of level between sensors taken out"),
    mark("{a} cells of {b}"), mark("{a} days"), mark("{a} pairs"), mark("{a} sensors"), mark("{a} to {b}"),
)  # fmt: skip
WORDS: Final = {
    one: one for one in ("sensors", "locations", "pixels", "none", "reconstructed", "downscaled")
} | {
    "land_cover": "land cover", "unknown": mark("unknown"), "network": mark("network"), "overpass": mark("overpass"),
    "depth": mark("depth"), "climate": mark("climate"),
}  # fmt: skip
"""What may be a part as a word → the text of the page that says it."""
_SENTENCES: Final = Sentences((*VERSUS, *PAIRING, *DATA, *DONE, *INDEPENDENCE, *ANALYSES), WORDS, parts=PARTS)


def note_said(note: str) -> str:
    """A note of the library in the language of the page; one that is not known stays English."""
    told = _SENTENCES.said(note)
    return told if told != note else of_library(note)
