"""The vocabulary of a review: verdicts, reasons, states and actions. Constants only.

Reasons concern the sensor or its site, never the product: a station that is left out because a product does badly there
would make any product look good. Verdicts, codes and states are ours.
"""

from __future__ import annotations

from typing import Final

REPRESENTATIVE, USABLE, DOUBTFUL, NOT_REPRESENTATIVE, FAULT = 1, 2, 3, 4, 5
VERDICTS: Final = {
    REPRESENTATIVE: "representative",
    USABLE: "usable with periods excluded",
    DOUBTFUL: "doubtful",
    NOT_REPRESENTATIVE: "not representative",
    FAULT: "sensor fault",
}
"""Key on the desk → what it says of the station. A verdict excludes nothing: only an exclusion does."""

SENSOR_REASONS: Final = {
    "flat": "the sensor repeats one value",
    "spike": "single values far from their neighbours",
    "step": "the level jumps without rain",
    "drift": "the level drifts over months",
    "noise": "the sensor is noisy",
    "out_of_range": "values that soil can't have",
    "saturated": "the sensor stays at its upper end",
    "diurnal_leak": "the sensor follows the temperature of the day",
    "sensor_swap": "depths or sensors were swapped",
    "wrong_sign": "drier when it rains: the sign is wrong",
    "wrong_units": "the values have another unit",
    "calibration": "the calibration does not fit the soil",
    "installation": "settling after installation, or a disturbance",
    "maintenance": "the station was being serviced",
    "clock": "the times are wrong",
    "duplicate": "a copy of another station",
}
SITE_REASONS: Final = {
    "frozen": "the soil is frozen: the sensor does not see ice",
    "snow": "snow lies on the site",
    "irrigation": "the site is irrigated",
    "open_water": "water stands on the site or close to it",
    "coordinates": "the coordinates can't be right",
    "land_cover": "the land cover of the site is not that of the cell",
    "relief": "the relief of the site is not that of the cell",
    "soil": "the soil of the site is not that of the cell",
    "land_use": "the use of the land changed",
    "urban": "buildings or sealed ground are close",
    "coast": "the coast is close",
    "wetland": "the site is peat or wetland",
    "not_representative": "the site does not stand for the cell",
    "other": "another reason of the sensor or site, in the note",
}
REASONS: Final = SENSOR_REASONS | SITE_REASONS
"""Code → what it means."""

NEW, LOOKED, SIGNED, DISPUTED, ACCEPTED = "new", "looked", "signed", "disputed", "accepted"
STATES: Final = {
    NEW: "nobody has opened it",
    LOOKED: "opened; no decision has been signed",
    SIGNED: "a first reader has signed; a second has not read it",
    DISPUTED: "two readers differ, or what was signed was changed by another",
    ACCEPTED: "a second reader has accepted",
}

LOOK, VERDICT, SIGN, ACCEPT, DISPUTE = "look", "verdict", "sign", "accept", "dispute"
EXCLUDE, RESTORE, NOTE, FLAG, UNDO, MODE = "exclude", "restore", "note", "flag", "undo", "mode"
ACTIONS: Final = {
    LOOK: "opened the station",
    VERDICT: "gave a verdict",
    SIGN: "signed the verdict and the exclusions",
    ACCEPT: "accepted as second reader",
    DISPUTE: "disputed as second reader",
    EXCLUDE: "excluded a period",
    RESTORE: "took an exclusion back",
    NOTE: "wrote a note",
    FLAG: "set or removed the flag",
    UNDO: "undid the own last event",
    MODE: "changed what is shown",
}
UNDOABLE: Final = (VERDICT, SIGN, ACCEPT, DISPUTE, EXCLUDE, RESTORE, NOTE, FLAG)
"""What a reviewer can undo: decisions, not what was seen."""
