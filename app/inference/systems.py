"""The five systems as the app tells of them: what each is for. Words only; no model is loaded for them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from app.page.language import mark, tr
from app.page.words import word
from smcore.models.registry import PACKAGE
from smcore.names import unit_label

_ROLE = re.compile(r":[a-z]+:`~?([^`]+)`")
_BANDS = re.compile(r"(.+)_(\d+)")


@dataclass(frozen=True)
class System:
    """One published system: its short name, its task in a word and in a line, and what it was made to give."""

    name: str
    task: str
    does: str
    gives: str


SYSTEMS = {
    "smsnet": System(
        "SMSNet",
        mark("reconstruct, downscale"),
        mark("soil moisture from optical and thermal images, rain and soil maps"),
        mark("9 km, or 1 km with the same weights; daily"),
    ),
    "drcgan": System(
        "DrcGAN",
        mark("fuse"),
        mark("SMAP with a land-surface model, which gives a map without gaps"),
        mark("36 km, daily"),
    ),
    "pscnet": System(
        "PSCNet",
        mark("downscale in time"),
        mark("soil moisture every three hours from reanalysis fields"),
        mark("10 km, 3-hourly"),
    ),
    "tssmnet": System(
        "TsSMNet",
        mark("reconstruct"),
        mark("gaps of SMAP from each cell's own past and its weather"),
        mark("9 km, daily"),
    ),
    "multiscale_lstm": System(
        "Multiscale LSTM",
        mark("predict"),
        mark("soil moisture from weather, learned from satellite cells and stations at once"),
        mark("grid of the weather, daily"),
    ),
}
"""In the order in which they are listed."""


@cache
def account_of(model: str) -> tuple[str, ...]:
    """What a model's file says of its source, of what is published and of what is ours: paragraphs of plain text.

    The file is read as text, never run: a session of the app loads no network.
    """
    found = find_spec(f"{PACKAGE}.{model}") if model.isidentifier() else None
    if found is None or found.origin is None:
        return ()
    text = ast.get_docstring(ast.parse(Path(found.origin).read_text(encoding="utf-8"))) or ""
    return tuple(
        " ".join(_ROLE.sub(r"\1", part).split()).replace("``", "") for part in text.split("\n\n") if part.strip()
    )


def told(units: Mapping[str, str], most: int = 0) -> str:
    """Inputs in words with their units, bands as a span: ``lst [K], nbar 1–7``; the first ``most`` of them (0: all)."""
    runs: dict[tuple[str, str], list[str]] = {}
    for name, unit in units.items():
        band = _BANDS.fullmatch(name)
        runs.setdefault((band[1], unit) if band else (name, unit), []).append(band[2] if band else "")
    words = [
        f"{word(name)}{_span(found)}{'' if unit in ('', '1') else f' [{unit_label(unit)}]'}"
        for (name, unit), found in runs.items()
    ]
    return _first(words, most or len(words))


def _span(bands: list[str]) -> str:
    if len(bands) > 1:
        return f" {bands[0]}–{bands[-1]}"
    return f" {bands[0]}" if bands[0] else ""


def _first(words: Iterable[str], most: int) -> str:
    listed = list(words)
    more = len(listed) - most
    return ", ".join(listed[:most]) + (tr(" and {n} more", n=more) if more > 0 else "")
