"""Caption and alternative text of a figure, written from what is known of its data and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from smcore import __version__
from smcore.figures.data import Credit, Data
from smcore.figures.drawing import fitting
from smcore.figures.glyphs import REPLACED
from smcore.figures.projections import TITLES
from smcore.figures.recipe import Recipe, load_kind
from smcore.names import unit_label
from smcore.time_support import is_overpass

LETTERS = "abcdefghijklmnopqrstuvwxyz"
_ALT_MOST = 1_000


def caption(parts: Iterable[tuple[Recipe, Data]]) -> str:
    """The caption: what is shown, when, how many, what was left out, what can be read off, of which versions."""
    drawn = list(parts)
    if len(drawn) == 1:
        return _joined([*_about(*drawn[0]), *_sources([drawn[0][1]]), _software()])
    told = [f"({LETTERS[i]}) {_joined(_about(recipe, data))}" for i, (recipe, data) in enumerate(drawn)]
    return " ".join([*told, _joined([*_sources([data for _, data in drawn]), _software()])])


def alternative(parts: Iterable[tuple[Recipe, Data]]) -> str:
    """What someone who can't see the figure needs: its kind, what it shows, and what can be read off it."""
    drawn = list(parts)
    told = []
    for i, (recipe, data) in enumerate(drawn):
        letter = f"({LETTERS[i]}) " if len(drawn) > 1 else ""
        whole = [f"{letter}{load_kind(recipe.kind).TITLE}: {_what(data)}", *_sentences(recipe, data)]
        told.append(_joined([*whole, "The data are synthetic" if data.told.synthetic else ""]))
    text = " ".join(told)
    return text if len(text) <= _ALT_MOST else f"{text[: _ALT_MOST - 1].rstrip()}…"


def _about(recipe: Recipe, data: Data) -> list[str]:
    told = data.told
    count = f"n = {told.n:,} {told.counted}".replace(",", " ").strip() if told.n is not None else ""
    sentences = [_what(data), count, *_sentences(recipe, data)]
    sentences += [f"Filters and treatment: {'; '.join(told.filters)}" if told.filters else ""]
    sentences += [*told.notes, *(_capital(one) for one in told.exclusions)]
    sentences += [f"Projection: {TITLES[recipe.projection]}" if recipe.projection else ""]
    return [*sentences, "The data are synthetic" if told.synthetic else ""]


def _sentences(recipe: Recipe, data: Data) -> tuple[str, ...]:
    """What can be read off the figure, in the words of its kind."""
    with fitting(recipe):
        found: tuple[str, ...] = load_kind(recipe.kind).sentences(data, recipe.options)
        return found


def _what(data: Data) -> str:
    told = data.told
    unit = f" [{unit_label(told.units)}]" if told.units not in ("", "1") else ""
    quantity = f"{told.quantity}{unit}" if told.quantity else unit.strip()
    names = told.title if not quantity else f"{quantity}, {told.title}" if told.title else quantity
    known = not told.when or "UTC" in told.when or is_overpass(told.when)  # which is by the sun, not by UTC
    period = told.when if known else f"{told.when} (UTC)"
    return _capital(", ".join(filter(None, (names, told.where, period))))


def _sources(figures: list[Data]) -> list[str]:
    """Data sets with their versions, once each."""
    cited = {(one.role, one.id): one for data in figures for one in data.told.credits if one.role != "network"}
    named = [_source(one) for one in cited.values()]
    return [f"Data: {'; '.join(named)}"] if named else []


def _source(credit: Credit) -> str:
    detail = [f"version {credit.version}" if credit.version else "", f"doi:{credit.doi}" if credit.doi else ""]
    inside = ", ".join(filter(None, detail))
    return f"{credit.title or credit.id} ({inside})" if inside else credit.title or credit.id


def _software() -> str:
    return f"Drawn by Loam {__version__}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _joined(sentences: Iterable[str]) -> str:
    """Sentences with one full stop each, on one line, without letters that turn the reading."""
    kept = (" ".join(one.split()).rstrip(". ") for one in sentences)
    return " ".join(f"{_visible(one)}." for one in kept if one)


def _visible(text: str) -> str:
    import unicodedata

    return "".join(c if unicodedata.category(c) not in ("Cc", "Cf", "Cs") else REPLACED for c in text)
