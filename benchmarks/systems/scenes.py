"""The scenes of the bench: which data, what is hidden, what is scored. Everything here is stated in the report.

*Fill* and *predict* are never mixed. In fill a cell may see its own SMAP, but for test days hidden in the gaps
of swaths; in predict no SMAP within 2° of a scored cell is seen, in a year that nobody trained on.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

Period = tuple[str, str]

FILL, PREDICT, DOWNSCALE, CONUS, AUSTRALIA = "fill", "predict", "downscale", "conus", "w_australia"
TASKS: Final = (FILL, PREDICT, DOWNSCALE, CONUS, AUSTRALIA)
DEMO, REAL = "demo", "real"

STRIP: Final = -93.51
"""West edge [deg] of the held-out fifth of the demo region (contiguous, its eastern side)."""
BUFFER_DEG: Final = 2.0
SWATH_SHARE: Final = 0.2
VALUES_SHARE: Final = 0.2
FOLDS: Final = 5
HIDING_SEED: Final = 2019
"""Of what is hidden: the same for every model and for every seed of a model."""

HOLDS: Final = {
    "swath": f"{SWATH_SHARE:.0%} of the test period's observations, in gaps of swaths of other days of the same month",
    "strip": f"the eastern fifth of the region and everything within {BUFFER_DEG:g}° of it",
    "values": f"a random {VALUES_SHARE:.0%} of the values",
    "year": "the test period, nothing else",
    "pixels": f"pixels in {FOLDS} random folds, one at a time, and the test year everywhere",
    "regions": f"pixels in {FOLDS} contiguous regions, one at a time, and the test year everywhere",
}


@dataclass(frozen=True)
class Scene:
    """One task on one set of data.

    Parameters
    ----------
    data
        Inputs (a name of :data:`smcore.models.input_sets.INPUT_SETS`, or ``observed`` for models that use observations
        only) → what ``--data`` would say.
    target
        Product whose values are hidden, and scored against where it has the scored cells.
    truth
        Hidden truth; its cells and steps are those scored. "" where there is none: then the target's.
    train, test
        First and last day.
    hold
        One of :data:`HOLDS`.
    west
        Only cells east of it are scored.
    coarse
        Product whose values the mean of the scored cells should give back.
    derived
        Data set → the finer one that takes its place in the test.
    vegetation
        Data set and static that tell vegetation, for the error band.
    """

    id: str
    task: str
    title: str
    data: dict[str, tuple[str, ...]]
    target: str
    train: Period
    test: Period
    hold: str
    truth: str = ""
    stations: str = ""
    coarse: str = ""
    world: str = DEMO
    overpass: str = "am"
    step: str = "1D"
    west: float = -180.0
    box: tuple[float, float, float, float] = (-180.0, -90.0, 180.0, 90.0)
    folds: int = 1
    derived: dict[str, str] = field(default_factory=dict)
    vegetation: tuple[str, str] = ("", "")

    @property
    def calibration(self) -> Scene | None:
        """What the error band is calibrated on: the last year of training, in gaps of its own or in the buffer.

        None where there is no such period, or no observation on the scored cells.
        """
        if self.hold not in ("swath", "strip") or self.step != "1D" or self.test[0] <= self.train[1]:
            return None
        year = (f"{self.train[1][:4]}-01-01", self.train[1])
        if self.hold == "swath":
            return replace(self, test=year)
        west = STRIP - 1.5 * BUFFER_DEG  # the buffer's degrees are of arc, these of longitude
        return replace(self, test=year, west=west, box=(west, self.box[1], STRIP, self.box[3]))


_YEARS: Final = ("2016-01-01", "2018-12-31")
_TEST: Final = ("2019-01-01", "2019-12-31")


def _both(entry: str) -> tuple[str, str]:
    return f"forcing={entry}", f"static={entry}"


_OBSERVED_9 = ("target=demo-smap-9",)
_LAND_MODEL_9 = (*_OBSERVED_9, "model_sm=demo-era5land-9", "static=demo-optical-9")
_LAND_MODEL_36 = ("target=demo-smap-36", "model_sm=demo-noah-36", "static=demo-noah-36")
_MULTISCALE = ("target=demo-smap-36", *_both("demo-forcing-9"), "stations=demo-stations")
_REGION = (-103.1, 28.5, -91.1, 39.45)

_PREDICT_9 = Scene(
    "predict-9",
    PREDICT,
    "9 km, daily, no SMAP within 2°, unseen year",
    {
        "smsnet": (*_OBSERVED_9, *_both("demo-optical-9")),
        "multiscale_lstm": _MULTISCALE,
        "drcgan": _LAND_MODEL_9,
        "observed": _OBSERVED_9,
    },
    "demo-smap-9",
    _YEARS,
    _TEST,
    "strip",
    truth="demo-truth-9",
    stations="demo-stations",
    coarse="demo-smap-36",
    west=STRIP,
    box=_REGION,
    vegetation=("demo-forcing-9", "ndvi"),
)
_SEASONS: Final = (("2018-05-01", "2018-07-31"), ("2019-05-02", "2019-07-31"))
"""PSCNet looks 21 hours back."""
_PREDICT_01 = Scene(
    "predict-01",
    PREDICT,
    "0.1°, 3-hourly, no SMAP within 2°, unseen season",
    {
        "pscnet": ("target=demo-smap-36", *_both("demo-era5land-3h")),
        "observed": ("target=demo-smap-36",),
    },
    "demo-smap-36",
    *_SEASONS,
    "strip",
    truth="demo-truth-3h",
    stations="demo-stations",
    coarse="demo-smap-36",
    overpass="both",
    step="3h",
    west=STRIP,
    box=_REGION,
)
_CONUS = Scene(
    "conus-pixels",
    CONUS,
    "275 real SMAP pixels of 36 km, five random folds of unseen pixels, unseen year",
    {
        "multiscale_lstm": ("target=smap-conus-36km", *_both("smap-conus-36km")),
        "tssmnet": ("target=smap-conus-36km", *_both("smap-conus-36km")),
        "observed": ("target=smap-conus-36km",),
    },
    "smap-conus-36km",
    ("2015-04-01", "2016-03-31"),
    ("2016-04-01", "2017-03-31"),
    "pixels",
    world=REAL,
    folds=FOLDS,
)

_ALL = (
    Scene(
        "fill-9",
        FILL,
        "9 km, daily, hidden swaths of an unseen year",
        {
            "tssmnet": (*_OBSERVED_9, *_both("demo-land-9")),
            "drcgan": _LAND_MODEL_9,
            "observed": _OBSERVED_9,
        },
        "demo-smap-9",
        _YEARS,
        _TEST,
        "swath",
        truth="demo-truth-9",
        stations="demo-stations",
        box=_REGION,
        vegetation=("demo-forcing-9", "ndvi"),
    ),
    Scene(
        "fill-36",
        FILL,
        "36 km, daily, hidden swaths of an unseen year",
        {"drcgan": _LAND_MODEL_36, "observed": ("target=demo-smap-36",)},
        "demo-smap-36",
        _YEARS,
        _TEST,
        "swath",
        truth="demo-truth-36",
        stations="demo-stations",
        vegetation=("demo-forcing-36", "ndvi"),
    ),
    _PREDICT_9,
    replace(
        _PREDICT_9, id="predict-9-random", title="9 km, random split, same cells", hold="values",
        test=("2018-01-01", "2018-12-31"),
    ),
    replace(
        _PREDICT_9, id="predict-9-block", title="9 km, block split, years that were trained on elsewhere",
        test=("2018-01-01", "2018-12-31"),
    ),
    replace(_PREDICT_9, id="predict-9-year", title="9 km, year split, cells that were trained on", hold="year"),
    _PREDICT_01,
    Scene(
        "downscale-36-9",
        DOWNSCALE,
        "36 → 9 km, unseen year",
        {"multiscale_lstm": _MULTISCALE, "observed": ("target=demo-smap-36",)},
        "demo-smap-36",
        _YEARS,
        _TEST,
        "year",
        truth="demo-truth-9",
        stations="demo-stations",
        coarse="demo-smap-36",
        box=_REGION,
    ),
    replace(
        _PREDICT_01, id="downscale-36-01", task=DOWNSCALE, title="36 km → 0.1°, 3-hourly, unseen season", hold="year",
        west=-180.0,
    ),
    Scene(
        "downscale-9-1",
        DOWNSCALE,
        "9 → 1 km with the weights of 9 km, unseen year",
        {
            "smsnet": (*_OBSERVED_9, *_both("demo-optical-9")),
            "observed": _OBSERVED_9,
        },
        "demo-smap-9",
        _YEARS,
        ("2019-05-05", "2019-07-31"),  # SMSNet looks four days back
        "year",
        truth="demo-truth-1",
        stations="demo-stations",
        coarse="demo-smap-9",
        box=_REGION,
        derived={"demo-optical-9": "demo-optical-1"},
    ),
    _CONUS,
    replace(_CONUS, id="conus-regions", title="the same, five regions", hold="regions"),
    replace(_CONUS, id="conus-in-time", title="the same, pixels seen in year 1", hold="year", folds=1),
    Scene(
        "w-australia",
        AUSTRALIA,
        "real SMAP 9 km and ERA5-Land over Western Australia, 20 days, hidden swaths of the same days",
        {
            "drcgan": ("target=smap-west-australia-9km", "model_sm=era5-land-west-australia"),
            "observed": ("target=smap-west-australia-9km",),
        },
        "smap-west-australia-9km",
        ("2020-01-01", "2020-01-20"),
        ("2020-01-01", "2020-01-20"),
        "swath",
        world=REAL,
        overpass="both",
    ),
)  # fmt: skip

SCENES: Final = {scene.id: scene for scene in _ALL}
