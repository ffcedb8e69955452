"""Figures as the papers of the five systems have them, as recipes over one's own runs and products.

The kinds of figure follow the papers; nothing of their pictures or numbers is here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from smcore.figures.recipe import FORMAT, PANELS, VERSION, Recipe, recipe_of


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
        ``time``, ``point`` (latitude, longitude), ``stations`` (collection), ``sensor``.

    Raises
    ------
    KeyError
        If there is no such figure, or something that it needs is not given.
    RecipeError
        If a value is of a wrong type.
    """
    return PAPERS[name].make({"preset": preset, "columns": columns, **given})


def _figure(given: Mapping[str, Any], panels: Sequence[Mapping[str, Any]], grid: tuple[int, int]) -> Recipe:
    about = {"format": FORMAT, "version": VERSION, "preset": given["preset"], "columns": given["columns"]}
    parts = [{"version": VERSION, **one} for one in panels]
    return recipe_of({**about, "kind": PANELS, "panels": parts, "grid": list(grid)})


def _run(given: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    products = {"products": [given["product"]]} if given.get("product") else {}
    return {"source": "run", "run": str(given["run"]), **products, **more}


def _smsnet(given: Mapping[str, Any]) -> Recipe:
    panels = [
        {"kind": "network-scatter", "data": _run(given, stratum="network")},
        {"kind": "network-scatter", "data": _run(given, stratum="land_cover")},
    ]
    return _figure(given, panels, (2, 1))


def _stsg(given: Mapping[str, Any]) -> Recipe:
    place = {"stations": given["stations"], "sensors": [given["sensor"]], "point": list(given["point"])}
    panels = [
        {"kind": "map", "data": {"source": "catalogue", "products": [given["product"]], "time": given["time"]}},
        {"kind": "series", "data": {"source": "catalogue", "products": [given["product"]], **place}},
        {"kind": "network-table", "data": _run(given)},
    ]
    return _figure(given, panels, (3, 1))


def _pscnet(given: Mapping[str, Any]) -> Recipe:
    panels: list[Mapping[str, Any]] = [{"kind": "scatter", "data": _run(given)}]
    panels += [{"kind": "metric-map", "data": _run(given, metric=metric)} for metric in ("pearson_r", "bias", "ubrmsd")]
    return _figure(given, panels, (2, 2))


def _tssmnet(given: Mapping[str, Any]) -> Recipe:
    panels = [
        {"kind": "importance", "data": {"source": "embedded", **given["importance"]}},
        {"kind": "network-table", "data": _run(given)},
    ]
    return _figure(given, panels, (2, 1))


def _lstm(given: Mapping[str, Any]) -> Recipe:
    about = {"format": FORMAT, "version": VERSION, "preset": given["preset"], "columns": given["columns"]}
    return recipe_of({**about, "kind": "cdf-sites", "data": _run({**given, "product": None})})


PAPERS: Final[dict[str, Paper]] = {
    one.id: one
    for one in (
        Paper("smsnet", "Scatter by network and by land cover", "SMSNet", ("run", "product"), _smsnet),
        Paper(
            "stsg-sm", "Pattern, series and in-situ table", "STSG-SM",
            ("run", "product", "time", "point", "stations", "sensor"), _stsg,
        ),
        Paper("pscnet", "Density scatter, and maps of R, bias and ubRMSD", "PSCNet", ("run", "product"), _pscnet),
        Paper("tssmnet", "Importance and table by network", "TsSMNet", ("run", "importance"), _tssmnet),
        Paper("multiscale-lstm", "Distribution of R and RMSD over sites", "multiscale LSTM", ("run",), _lstm),
    )
}  # fmt: skip
