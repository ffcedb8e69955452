"""What the review says of a sensor in the words of the library: verdicts, reasons, rules and their sentences.

The library, the log and every file speak English; here is listed what the page says in its own language. A sentence of
a rule is told by its pattern, in which what varies may be a sentence of another pattern.
"""

from __future__ import annotations

from typing import Final

from app.page.language import ENGLISH, current, mark, tr
from app.page.sentences import Sentences

VERDICTS: Final = (
    mark("representative"), mark("usable with periods excluded"), mark("doubtful"), mark("not representative"),
    mark("sensor fault"),
)  # fmt: skip
REASONS: Final = (
    mark("the sensor repeats one value"), mark("single values far from their neighbours"),
    mark("the level jumps without rain"), mark("the level drifts over months"), mark("the sensor is noisy"),
    mark("values that soil can't have"), mark("the sensor stays at its upper end"),
    mark("the sensor follows the temperature of the day"), mark("depths or sensors were swapped"),
    mark("drier when it rains: the sign is wrong"), mark("the values have another unit"),
    mark("the calibration does not fit the soil"), mark("settling after installation, or a disturbance"),
    mark("the station was being serviced"), mark("the times are wrong"), mark("a copy of another station"),
    mark("the soil is frozen: the sensor does not see ice"), mark("snow lies on the site"),
    mark("the site is irrigated"), mark("water stands on the site or close to it"),
    mark("the coordinates can't be right"), mark("the land cover of the site is not that of the cell"),
    mark("the relief of the site is not that of the cell"), mark("the soil of the site is not that of the cell"),
    mark("the use of the land changed"), mark("buildings or sealed ground are close"), mark("the coast is close"),
    mark("the site is peat or wetland"), mark("the site does not stand for the cell"),
    mark("another reason of the sensor or site, in the note"),
)  # fmt: skip
ACTIONS: Final = (
    mark("opened the station"), mark("gave a verdict"), mark("signed the verdict and the exclusions"),
    mark("accepted as second reader"), mark("disputed as second reader"), mark("excluded a period"),
    mark("took an exclusion back"), mark("wrote a note"), mark("set or removed the flag"),
    mark("undid the own last event"), mark("changed what is shown"),
)  # fmt: skip
RULES: Final = (
    mark("coordinates"), mark("daily cycle"), mark("drift"), mark("duplicate"), mark("flat line"),
    mark("frozen soil"), mark("out of range"), mark("saturated plateau"), mark("sensor swap"), mark("spike"),
    mark("wrong sign"), mark("wrong units"), mark("step of the level"),
)  # fmt: skip
CLASSES: Final = (
    mark("water"), mark("evergreen needleleaf forest"), mark("evergreen broadleaf forest"),
    mark("deciduous needleleaf forest"), mark("deciduous broadleaf forest"), mark("mixed forest"),
    mark("closed shrubland"), mark("open shrubland"), mark("woody savanna"), mark("savanna"), mark("grassland"),
    mark("permanent wetland"), mark("cropland"), mark("cropland and natural mosaic"), mark("snow and ice"),
)  # fmt: skip
PATTERNS: Final = (
    mark("{a} steps; the largest {b}"),
    mark("a spike"), mark("{a} spikes, the largest"),
    mark("{a} of {b} m³/m³ between two like records"),
    mark("falls by {a} m³/m³ at once, from {b} to {c}, and stays there"),
    mark("rises by {a} m³/m³ at once, from {b} to {c}, and stays there, {d}"),
    mark("with {a} mm of rain"), mark("while sensors nearby rise by {a}"),
    mark("its level against {a} changes by {b} m³/m³ about {c} ({d} days before and after)"),
    mark("the value {a} m³/m³ does not change for {b} days, {c}"),
    mark("the value {a} m³/m³ does not change for {b} days"),
    mark("while {a} mm of rain fell"), mark("while sensors nearby changed by {a} m³/m³"), mark("in still weather"),
    mark("leaves {a} by {b} m³/m³ over {c} days, along a straight line"),
    mark("its own other years"), mark("{a} sensors nearby"), mark("a sensor nearby"),
    mark("a daily cycle of ±{a} m³/m³, highest at {b}, {c}"), mark("{a} h local solar time"),
    mark("in step with the temperature"), mark("when soil dries"),
    mark("{a} is at or below 0 °C in {b} h of records (down to {c} °C): ice is not seen"),
    mark("the soil"), mark("the air"), mark("per cent"), mark("ten times too large, or per cent of very dry soil"),
    mark("{a} at {b} m³/m³, where soil has 0 to {c}, its porosity {d}"),
    mark("{a} at {b} m³/m³, where soil has 0 to {c}"),
    mark("{a} values, the furthest"), mark("a value"),
    mark("{a} h between {b} and {c} m³/m³ after a rise; the highest of the two years before is {d}"),
    mark("it and {a} ({b} m) may be exchanged: the deeper one changes {c} times as much from day to day, and first"),
    mark("its daily changes run against {a} (R = {b}; levels {c})"), mark("those of {a}"),
    mark("falls by {a} m³/m³ over {b} days with {c} mm of rain or more"),
    mark("{a} has the same values on {b} days"),
    mark("values about {a}, at most {b}, are no m³/m³: they look like {c}"),
    mark("{a} of the days are above {b} m³/m³ (at most {c}, porosity {d}): it may be a degree of saturation, 0 to 1"),
    mark("{a} of the days are above {b} m³/m³ (at most {c}): it may be a degree of saturation, 0 to 1"),
    mark("its median {a} m³/m³ is {b} times that of {c}"),
    mark("{a} lies in the sea, {b} km off the coast"), mark("{a} lies in {b}, {c} km off {d}, where {e}"),
    mark("{a} is what a missing place is often written as"),
    mark("{a} is {b} km from the other stations of its network; with {c} it would be {d} km"),
    mark("the sensor has no coordinates"), mark("a daily cycle needs records of three hours or denser"),
    mark("drift needs two sensors of like depth within 100 km that follow it, or {a} years of its own"),
    mark("there is no other sensor to compare with"), mark("there are fewer than three values"),
    mark("the station has no soil or air temperature"), mark("there is no value"),
    mark("plateaus can only be told in records of three hours or denser"),
    mark("the station has no sensor at another depth"),
    mark("spikes can only be told in records of three hours or denser"),
    mark("steps need records of three hours or denser, or two sensors of like depth within 100 km"),
    mark("the sign needs a sensor of like depth within 100 km, or rain at a sensor of 0.2 m or less"),
    mark("there are fewer than ten days"),
    mark("the station stands in {a}, {b} of the cell"),
    mark("no catalogue entry has a map «{a}» ({b}) with {c} cells or more inside this cell; ingest a finer one"),
    mark("no catalogue entry has a map «{a}» ({b}) with {c} cells or more inside this cell; ingest a finer one; "
         "the station says «{d}»"),
    mark("no other sensor of like depth shares {a} days with it in this cell; the nearest of like depth is {b} km "
         "away"),
    mark("no other sensor of like depth shares {a} days with it in this cell"),
    mark("the product has no grid, so there is no cell to look into"),
    mark("the run has no triple collocation; it needs two products: loam validate --triple"),
    mark("suspected: {a}"), mark("{a}: {b} ended on {c}, {d} began {e} days later"),
    mark("{a}: {b} was added beside {c}"),
    mark("a sensor"), mark("another"), mark("{a}: first record, later than at other depths"),
    mark("{a}: last record, while other depths go on"),
)  # fmt: skip
EFFECTS: Final = (
    mark("undone"),
    mark("there was nothing to undo"),
    mark("this is signed already"),
    mark("nothing is signed"),
    mark("another verdict has been signed since"),
    mark("the second reader must be another person than the first"),
    mark("this exclusion does not stand"),
    mark("it contradicts another verdict of the same reviewer, given without knowing of it: neither counts"),
)
"""Why an event of the log counts for nothing."""


def rule_said(title: str) -> str:
    """The title of a rule; a step of the level is no step in time, which the other languages tell apart."""
    return title if current() == ENGLISH else tr("step of the level" if title == "step" else title)


def said(sentence: str) -> str:
    """A sentence of the library on a sensor, in the language of the page; one that is not known stays English."""
    return _SENTENCES.said(sentence)


_SENTENCES: Final = Sentences(PATTERNS, {one: one for one in CLASSES})
