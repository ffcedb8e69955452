"""What the user chose: values only, each with a type and a range, all of it representable as a link."""

from __future__ import annotations

import param

from app.page.language import LANGUAGES

PLACES = ("explore", "infer", "validate", "stations", "figures")
RESULTS = ("summary", "locations", "strata", "taylor", "scatter", "against", "triple", "stability", "notes")
COLOUR_MAPS = ("soil moisture", "viridis", "cividis", "batlow", "grey")
QUALITY = ("all", "recommended", "attempted")
"""Which retrievals are shown and compared, of every product that tells; the first is what is shown unasked."""
THEMES = ("light", "dark")
AGGREGATES = ("mean", "min", "max", "percentile", "anomaly", "share")
SECTIONS = ("view", "box", "line")
"""Over what a Hovmöller diagram is drawn: by latitude over the view or the box, or along a line."""
SPEEDS = {"slow": 2, "medium": 5, "fast": 12}
"""Steps a second of a film."""
TREATMENTS = ("35d", "anomaly", "climatology")
AREAS = ("box", "polygon")
COMPARED = {"": 0, "swipe": 1, "side": 1, "four": 3}
"""How several products are shown at once → how many beside the one on the map."""
SHARES = ("10", "25", "75", "100")
MOST_VERTICES = 64
LONGEST_FORMULA = 200
OUT_WHERE = ("box", "all")
OUT_FORMATS = ("cog", "csv", "zarr", "gif", "mp4")
"""Where an export is cut out, and in which format, if not the view and NetCDF."""
FIGURE_FORMS = ("svg", "pdf", "package")


class Selection(param.Parameterized):
    """One browser tab's choices. It holds ids and numbers, never data, and knows no widget."""

    place = param.Selector(default="explore", objects=list(PLACES), doc="Which of the places is open.")
    product = param.String(default="", doc="Id of the product on the map.")
    variable = param.String(default="", doc="What is shown of it; empty: its own variable.")
    flag = param.String(default="", doc="Meaning of the flag that is picked out where flags are shown.")
    quality = param.Selector(default=QUALITY[0], objects=list(QUALITY), doc="Which retrievals are used.")
    masks = param.String(default="", doc="Names of the rules by which values are left out, with commas.")
    expression = param.String(default="", doc="Formula over products that the map shows instead of the product.")
    minus = param.String(default="", doc="Id of the product that is taken off the one on the map.")
    onto = param.Selector(default="", objects=["", "finer"], doc="Grid of a difference: the coarser one, or the finer.")
    compare = param.Selector(default="", objects=list(COMPARED), doc="How several products are shown at once.")
    beside = param.String(default="", doc="Ids of the products beside the one on the map, with commas.")
    time = param.String(default="", doc="Step on the map, ISO date and time in UTC.")
    speed = param.Selector(default="medium", objects=list(SPEEDS), doc="How fast the steps are played.")
    aggregate = param.Selector(default="", objects=["", *AGGREGATES], doc="What of a range of days the map shows.")
    since = param.String(default="", doc="First day of that range, ISO; empty: of the month on the map.")
    until = param.String(default="", doc="Last day of that range, ISO; empty: of the month on the map.")
    percentile = param.Number(default=50.0, bounds=(0, 100), doc="Which percentile of the range.")
    least_days = param.Integer(default=20, bounds=(0, 100), doc="Share of valid days that a cell needs [%].")
    hovmoller = param.Selector(default="", objects=["", *SECTIONS], doc="Over what a Hovmöller diagram is open.")
    line = param.NumericTuple(
        default=None, length=4, allow_None=True, doc="Its line: latitude, longitude of start and end [deg]."
    )
    colour_map = param.Selector(default=COLOUR_MAPS[0], objects=list(COLOUR_MAPS), doc="Colour map of the layer.")
    reverse = param.Boolean(default=False, doc="Whether the colour map runs from high to low.")
    opacity = param.Integer(default=100, bounds=(0, 100), doc="How opaque the layer is [%].")
    lock = param.Boolean(default=False, doc="Whether the colour range stays when the product changes.")
    colour_range = param.Range(
        default=None, allow_None=True, doc="Lowest and highest value shown; None: the product's."
    )
    point = param.NumericTuple(default=None, length=2, allow_None=True, doc="Clicked latitude and longitude [deg].")
    sensor = param.String(default="", doc="Id of the chosen station sensor.")
    collection = param.String(default="", doc="Id of the station collection.")
    view = param.NumericTuple(default=None, length=4, allow_None=True, doc="West, south, east, north of the map [deg].")
    box = param.NumericTuple(
        default=None, length=4, allow_None=True, doc="Box to predict: west, south, east, north [deg]."
    )
    model = param.String(default="", doc="Id of the model to run.")
    data = param.String(default="", doc="Its data where several fit, as role=id, …; empty: the first that fit.")
    start = param.String(default="", doc="First day to predict, ISO.")
    end = param.String(default="", doc="Last day to predict, ISO.")
    embed = param.Boolean(default=False, doc="Whether the page is the map and its time alone, for another page.")
    theme = param.Selector(default="light", objects=list(THEMES), doc="Light or dark.")
    language = param.Selector(default="", objects=["", *LANGUAGES], doc="Language; empty: as the browser asks.")
    coverage = param.String(default="", doc="Input whose share of steps the map shows; all: of all together.")
    job = param.String(default="", doc="Id of the prediction that is watched.")
    adding = param.String(default="", doc="Id of the ingest of own data that is watched.")
    run = param.String(default="", doc="Id of the validation run that is watched or shown.")
    scored = param.String(default="", doc="Id of the run's product whose metric the map shows.")
    rival = param.String(default="", doc="Id of the product that the one whose metric is shown is compared with.")
    metric = param.String(default="", doc="Name of the metric on the map and in the charts.")
    stratum = param.String(default="", doc="Division of the box plots.")
    result = param.Selector(default="", objects=["", *RESULTS], doc="Which table or chart of the run is open.")
    out_what = param.Selector(default="", objects=["", "stations"], doc="What is exported: the product, or stations.")
    out_where = param.Selector(default="", objects=["", *OUT_WHERE], doc="Where an export is cut out; empty: the view.")
    out_format = param.Selector(default="", objects=["", *OUT_FORMATS], doc="Format of an export; empty: NetCDF.")
    out_since = param.String(default="", doc="First day of an export, ISO; empty: as the range of days.")
    out_until = param.String(default="", doc="Last day of an export, ISO; empty: as the range of days.")
    figure = param.String(default="", doc="Id of the figure that is composed.")
    figure_form = param.Selector(default="", objects=["", *FIGURE_FORMS], doc="File that is made of it; empty: PNG.")
    exporting = param.String(default="", doc="Id of the export that is watched.")
    hidden = param.String(default="", doc="Ids of what the series leave out, joined by commas.")
    treatment = param.Selector(
        default="", objects=["", *TREATMENTS], doc="What the series show: values, anomalies or the climatology."
    )
    span = param.String(default="", doc="Period the series show, as first,last in UTC; empty: the product's own.")
    rain = param.Selector(default="", objects=["", "off"], doc="Whether rain hangs from the top of the series.")
    frozen = param.Selector(default="", objects=["", "off"], doc="Whether frozen soil is shaded in the series.")
    table = param.Selector(default="", objects=["", "on"], doc="Whether the series stand as a table.")
    area = param.Selector(default="", objects=["", *AREAS], doc="Series of the cell, or the mean of a box or polygon.")
    polygon = param.ClassSelector(
        class_=tuple, default=None, allow_None=True, doc="Longitude, latitude, longitude … of its vertices [deg]."
    )
    reviewer = param.String(default="", doc="Name under which decisions on stations are logged; never assumed.")
    blind = param.Selector(default="", objects=["", "on", "off"], doc="Blind review; empty: if products are compared.")
    headline = param.Selector(default="", objects=["", "on"], doc="Whether the headline is shown in a blind review.")
    queue = param.String(default="", doc="What the stations of a review are sorted by; empty: as suits blindness.")
    earlier = param.String(default="", doc="Id of the run that a review compares with; empty: the last before it.")
    only = param.String(default="", doc="Which stations of a review are shown, as filter=value;….")
    marked = param.String(default="", doc="Period that is marked to be excluded, as first,last in UTC.")
    least_share = param.Selector(
        default="", objects=["", *SHARES], doc="Share of its cells that a mean needs [%]; empty: half of them."
    )
