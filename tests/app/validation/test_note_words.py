"""The library's notes beside numbers, on a Chinese page: every number and name is kept, nothing else stays English."""

from __future__ import annotations

import re

import pytest
from tiny import Tiny

from app.page.language import speaking
from app.validation.note_words import note_said
from smcore.catalog import load_catalog
from smcore.validation.estimates import EstimateOptions
from smcore.validation.exclusions import Exclusion
from smcore.validation.runs.plan import RunOptions
from smcore.validation.runs.run import validate
from smcore.validation.transforms import Transform

ENGLISH = re.compile(r"[A-Za-z]{4,}")
NAMES = re.compile(
    r"coarse|fine|nets|tiny|SMAP|TEST|Station \d|probe|inputs|mean_std|mse_\w+|slope|bias|drift|frozen|soil_temp"
    r"|quality|unit_mismatch|UTC|RMSD|ubRMSD|noah|land_cover|--\w+"
)
"""Of data sets, options and metrics, which are the same in any language."""
NOTES = """
locations: 171 of nets, 40 within reach; nearest centre of fine along the great circle, at most 12.5 km away

locations: 3 of nets; nearest centre of fine along the great circle, at most half the cell's diagonal away

pairs: records nearest to each other, at most 90 min apart, each used once

pairs: UTC days; a day of a series counts where it has half of its records or more; retrievals are not averaged, each
is a pair of its own; by days since fine does not say when each value was observed

depth mismatch: product 0–0.05 m, reference 0.10 m (40 of 171 sensors)

depth unknown: product unknown, reference 0–0.05 m

mask frozen: values removed of SMAP where soil_temp < 273, of noah where soil_temp < 273; nets can't tell and is kept
whole

scaling: product scaled to the reference by mean_std, fitted on 2018-01-01 to 2018-12-31, whose pairs are not scored;
bias, mse_bias say little

exclusions: 3 periods of 2 sensors left out of nets (drift 3): 120 usable records and 7 pairs fewer

not independent: SMAP and noah (it is one of its inputs, both rest on SMAP); hide cells to test it

SMAP was trained on 40 cells of M36 and 3 sensors, 2018-01-01 to 2018-12-31, 2020-01-01 to 2020-02-02: 5 of 9
locations lie in a trained 36 km cell and are left out on all days; the score with them is given beside

nets|SMAP|noah: negative variance at 3 of 9 locations (SMAP 2, noah 1): no error is given there

SMAP: upscaled to 3 cells of M09 from 7 sensors at 5 stations (2 of the cells hold several): areas nearest to each
station as weights, differences of level between sensors taken out; 3 periods of 1 sensor excluded

no division by land_cover: 'land_cover' is known at none of 9 locations (looked in the data themselves, SMAP); name a
catalogue entry with a static field 'land_cover' that covers them, or stations that state it

SMAP is better than noah at 5 of 9 sensors, worse at 2, 1 not judged (FDR 10 %, ubRMSD, same 1 234 pairs); median gain
0.004 m3 m-3 [0.002, 0.006]; ΔR 0.10 (no interval: 2 groups of sensors); standard deviation 0.82 of the reference's
against 1.10: smaller amplitude, no more information
"""


@pytest.mark.parametrize("note", [" ".join(one.split()) for one in NOTES.split("\n\n")])
def test_a_note_is_said_in_chinese_with_all_its_numbers(note: str) -> None:
    assert note_said(note) == note
    with speaking("zh"):
        told = note_said(note)
    left = NAMES.sub("", told)
    assert not ENGLISH.search(left), told
    assert sorted(re.findall(r"\d+(?:\.\d+)?", told)) == sorted(re.findall(r"\d+(?:\.\d+)?", note))


def test_every_note_of_a_run_is_said_in_chinese(tiny: Tiny) -> None:
    options = RunOptions(
        strata=("network", "land_cover", "overpass"), triple=True, estimates=EstimateOptions(draws=20),
        transform=Transform(scaling="mean_std", anomaly="35d"),
        exclusions=(Exclusion("TEST/Station 1/0.00-0.05/probe", "2018-01-03", "2018-01-05", "drift"),),
    )  # fmt: skip
    record = validate(("coarse", "fine"), "nets", load_catalog([tiny.file]), options).record
    notes = [note for one in record["results"] for note in one["notes"]]
    notes += [note for one in record["analyses"].values() for note in one["notes"]]
    notes += [one["sentence"] for one in record["versus"]] if "versus" in record else []
    assert len(notes) > 8
    with speaking("zh"):
        told = {note: note_said(note) for note in notes}
    assert {note for note, said in told.items() if ENGLISH.search(NAMES.sub("", said))} == set()


def test_what_no_pattern_knows_and_what_a_name_holds_stay_as_they_are() -> None:
    with speaking("zh"):
        assert note_said("something else of 5") == "something else of 5"
        assert "<b>{x}</b> $y$" in note_said(
            "<b>{x}</b> $y$ has nominal steps: its days are those that its source names"
        )


@pytest.mark.parametrize(
    "note",
    [
        "mask 1: values removed of " + "2 where " * 40 + "3",
        "no division by land_cover: " + "1 where 2, 3 and 4 to " * 40 + "5",
        " is better than 1" * 12 + " at 2" * 12 + " of 3" * 12 + " 4, worse at 5" * 12 + ", 6 not judged (FDR 7" * 12,
    ],
)
def test_a_note_whose_names_hold_its_words_again_and_again_is_soon_said_and_loses_nothing(note: str) -> None:
    with speaking("zh"):
        assert re.findall(r"\d", note_said(note)) == re.findall(r"\d", note)
