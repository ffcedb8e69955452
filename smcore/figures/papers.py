"""Figures as the papers of the five systems have them, as recipes over one's own runs and products.

The kinds of figure follow the papers; nothing of their pictures or numbers is here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import lcm
from typing import Any, Final

from smcore.figures.recipe import FORMAT, PANELS, VERSION, Recipe, placed, recipe_of


@dataclass(frozen=True)
class Paper:
    """A figure of a paper: what it needs of ``run``, ``product``, ``time``, ``point``, ``stations`` and ``sensor``."""

    id: str
    title: str
    after: str
    needs: tuple[str, ...]
    make: Callable[[Mapping[str, Any]], Recipe]


def paper_recipe(name: str, preset: str = "agu", columns: float = 2.0, **given: Any) -> Recipe:
    """The recipe of a paper's figure over one's own data.

    Parameters
    ----------
    given
        What the figure needs, as its :class:`Paper` says: ``run`` (folder or id), ``product`` (id) or ``products``,
        ``time``, ``point`` (latitude, longitude), ``stations`` (collection), ``sensor``; ``importance``, the recipe
        that ``loam importance`` writes, as JSON. Beside these, where they are known: ``products`` of the run, those
        that can be ``mapped`` beside each other, ``titles`` by product,
        those of SMSNet's two ``divisions`` that the run has.

    Raises
    ------
    KeyError
        If there is no such figure, or something that it needs is not given.
    RecipeError
        If a value is of a wrong type.
    """
    return PAPERS[name].make({"preset": preset, "columns": columns, **given})


def _figure(given: Mapping[str, Any], panels: Sequence[Mapping[str, Any]], columns: int) -> Recipe:
    about = {"format": FORMAT, "version": VERSION, "preset": given["preset"], "columns": given["columns"]}
    parts = [{"version": VERSION, **one} for one in panels]
    rows = placed([one.get("span", 1) for one in panels], columns)[-1][0] + 1
    return recipe_of({**about, "kind": PANELS, "panels": parts, "grid": [rows, columns]})


def _run(given: Mapping[str, Any], *products: str, **more: Any) -> dict[str, Any]:
    return {"source": "run", "run": str(given["run"]), **({"products": list(products)} if products else {}), **more}


def _products(given: Mapping[str, Any]) -> list[str]:
    """The product looked at, and others beside it, as many as stand side by side."""
    first = given.get("product") or ""
    return list(dict.fromkeys(filter(None, (first, *(given.get("products") or ())))))[:SIDE_BY_SIDE]


def _entitled(given: Mapping[str, Any], product: str) -> dict[str, Any]:
    """The title of a panel that shows one product, where it is known."""
    title = (given.get("titles") or {}).get(product, "")
    return {"title": title} if title else {}


def _smsnet(given: Mapping[str, Any]) -> Recipe:
    one = _products(given)[:1]
    divisions = given.get("divisions") or DIVISIONS
    panels = [{"kind": "network-scatter", "data": _run(given, *one, stratum=by)} for by in divisions]
    return _figure(given, panels, 1)


def _stsg(given: Mapping[str, Any]) -> Recipe:
    place = {"stations": given["stations"], "sensors": [given["sensor"]], "point": list(given["point"])}
    day, mapped = {"source": "catalogue", "time": given["time"]}, list(given.get("mapped") or _products(given)[:1])
    panels: list[Mapping[str, Any]] = [
        {"kind": "map", "data": {**day, "products": [one]}, **_entitled(given, one)} for one in mapped
    ]
    drawn = [one for one in _products(given) if one in given.get("drawn", _products(given))]
    series = {"kind": "series", "data": {"source": "catalogue", "products": drawn, **place}}
    panels += [{**series, "span": len(mapped)}, {"kind": "network-table", "data": _run(given), "span": len(mapped)}]
    return _figure(given, panels, len(mapped))


def _pscnet(given: Mapping[str, Any]) -> Recipe:
    shown = _products(given)
    columns = lcm(len(shown), 3)
    wide, each = columns // len(shown), columns // 3
    panels: list[Mapping[str, Any]] = [{"kind": "scatter", "data": _run(given, one), "span": wide} for one in shown]
    panels += [
        {"kind": "metric-map", "data": _run(given, shown[0], metric=metric), "span": each, **_entitled(given, shown[0])}
        for metric in ("pearson_r", "bias", "ubrmsd")
    ]
    return _figure(given, panels, columns)


def _tssmnet(given: Mapping[str, Any]) -> Recipe:
    known = {key: value for key, value in given["importance"].items() if key in ("data", "options")}
    return _figure(given, [{"kind": "importance", **known}, {"kind": "network-table", "data": _run(given)}], 1)


def _lstm(given: Mapping[str, Any]) -> Recipe:
    about = {"format": FORMAT, "version": VERSION, "preset": given["preset"], "columns": given["columns"]}
    return recipe_of({**about, "kind": "cdf-sites", "data": _run(given)})


DIVISIONS: Final = ("network", "land_cover")
"""Of SMSNet's scatters."""
SIDE_BY_SIDE: Final = 3
"""Products that stand side by side at most."""

PAPERS: Final[dict[str, Paper]] = {
    one.id: one
    for one in (
        Paper("smsnet", "Scatter by network and by land cover", "SMSNet", ("run", "product", "divisions"), _smsnet),
        Paper(
            "stsg-sm", "Pattern, series and in-situ table", "STSG-SM",
            ("run", "product", "time", "point", "stations", "sensor"), _stsg,
        ),
        Paper("pscnet", "Density scatter, and maps of R, bias and ubRMSD", "PSCNet", ("run", "product"), _pscnet),
        Paper("tssmnet", "Importance and table by network", "TsSMNet", ("run", "importance"), _tssmnet),
        Paper("multiscale-lstm", "Distribution of R and RMSD over sites", "multiscale LSTM", ("run",), _lstm),
    )
}  # fmt: skip
