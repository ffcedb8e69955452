"""The model card: what a checkpoint was trained on, how well it does, and what it must not be used for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from smcore.errors import WeightsError

CARD_FILE = "card.json"
_SCHEMA = 1


@dataclass(frozen=True)
class ModelCard:
    """One JSON file beside the weights.

    Parameters
    ----------
    model, config, title
        Plug-in id, configuration, and one line for people.
    settings
        What the model needs to become itself again: sizes and statistics (float64).
    inputs
        The inputs really used, their units, in order: ``name``, ``units``, ``role``, ``required``.
    data
        One record per data set: ``id``, ``role``, ``title``, ``fingerprint``, ``licence``, ``citation``, ``synthetic``.
    period
        First and last day of the targets trained on, ISO.
    cells, stations
        Target locations and stations trained on, which scoring must know: ``{"grid", "row", "col"}`` or
        ``{"lat", "lon"}``, and sensor ids.
    station_places
        ``{"lat", "lon"}`` of those sensors.
    spans
        First and last day, ISO, of each stretch of days with targets that were trained on.
    split
        Kind, folds, fold, seed, and the period of the test.
    scores
        What ``scores.csv`` says, as records.
    training
        Seconds, hardware, versions, early stop, departures from the published schedule.
    uncertainty
        The 90 % band for the observation (:class:`smcore.models.learning.band.Band`), where it comes from, and its
        measured coverage and width beside climatology's; empty for a model without one.
    synthetic
        Whether any of the data is made up: then the weights say nothing about the real world.
    """

    model: str
    title: str
    config: str = "default"
    settings: dict[str, Any] = field(default_factory=dict)
    inputs: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[dict[str, str]] = field(default_factory=list)
    data: list[dict[str, Any]] = field(default_factory=list)
    period: tuple[str, str] = ("", "")
    cells: dict[str, Any] = field(default_factory=dict)
    stations: list[str] = field(default_factory=list)
    station_places: dict[str, Any] = field(default_factory=dict)
    spans: list[list[str]] = field(default_factory=list)
    split: dict[str, Any] = field(default_factory=dict)
    scores: list[dict[str, Any]] = field(default_factory=list)
    training: dict[str, Any] = field(default_factory=dict)
    limits: list[str] = field(default_factory=list)
    uncertainty: dict[str, Any] = field(default_factory=dict)
    licence: str = ""
    citation: str = ""
    doi: str = ""
    synthetic: bool = False
    created: str = ""
    loam: str = ""
    weights_sha256: str = ""
    weights_dtype: str = "float32"

    def to_json(self) -> str:
        """The file's text: sorted by field, UTF-8, with a final line end."""
        record = {"schema": _SCHEMA, **asdict(self)}
        return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    @staticmethod
    def from_json(text: str, *, where: str = "") -> ModelCard:
        """Read a card.

        Raises
        ------
        WeightsError
            If it is no card, of another schema, or a field is missing or foreign.
        """
        try:
            record = json.loads(text)
        except ValueError as error:
            raise WeightsError(f"The model card is no JSON: {error}", where=where) from error
        if not isinstance(record, Mapping) or record.get("schema") != _SCHEMA:
            raise WeightsError("This is no model card of a form that this version reads", where=where)
        known = {f.name: f for f in fields(ModelCard)}
        values = {key: value for key, value in record.items() if key != "schema"}
        foreign = sorted(set(values) - set(known))
        if foreign or not isinstance(values.get("model"), str) or not isinstance(values.get("title"), str):
            raise WeightsError(f"The model card has unknown or missing fields {', '.join(foreign)}", where=where)
        defaults = asdict(ModelCard("", ""))
        for name, value in values.items():
            kind = type(defaults[name]) if name != "period" else list
            if not isinstance(value, kind):
                raise WeightsError(f"The model card's {name!r} is not of the kind expected", where=where)
        values["period"] = tuple(values.get("period", ("", "")))
        return ModelCard(**values)


def read_card(folder: Path) -> ModelCard:
    """The card in a checkpoint's folder (raises WeightsError if there is none)."""
    path = folder / CARD_FILE
    if not path.is_file():
        raise WeightsError("There is no model here", where=str(folder), hint="a checkpoint is a folder with card.json")
    try:
        return ModelCard.from_json(path.read_text(encoding="utf-8"), where=str(path))
    except UnicodeDecodeError as error:
        raise WeightsError("The model card is no text", where=str(path)) from error
