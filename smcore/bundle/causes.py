"""Why two runs differ: data, models, options, exclusions and software, as their records say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from smcore.validation.runs.identity import EXCLUSIONS
from smcore.validation.runs.results import RunResults

DATA, MODEL, OPTION, EXCLUSION, SOFTWARE, PRODUCTS, REFERENCE = (
    "data", "model", "option", "exclusion", "software", "products", "reference",
)  # fmt: skip
"""Kinds of causes."""

_ABOUT: Final = ("version", "period", "units", "layer_m", "time_support", "kind", "inputs", "licence")
_MODEL_WORDS: Final = {
    "model_id": "model", "model_config": "configuration", "weights_sha256": "weights", "input_data": "input data",
    "loam_version": "Loam that predicted",
}  # fmt: skip
_LONGEST: Final = 80


@dataclass(frozen=True)
class Cause:
    """One thing in which two runs differ.

    ``kind`` is one of the words above; ``products`` are those whose numbers it touches ('' alone means all);
    ``subjects`` the stations (empty means all).
    """

    kind: str
    sentence: str
    products: tuple[str, ...] = ("",)
    subjects: frozenset[str] = frozenset()

    def touches(self, product: str, subject: str) -> bool:
        """Whether it may change a number of a product at a station; rows over all stations have a name with ``*``."""
        here = not self.subjects or subject in self.subjects or subject.startswith("*")
        return here and ("" in self.products or product in self.products)


def causes_of(a: RunResults, b: RunResults) -> tuple[Cause, ...]:
    """Everything that the records of two runs say differently, most far-reaching first."""
    return (
        *_products(a, b),
        *_data(a, b),
        *_options(a.record, b.record),
        *_exclusions(a, b),
        *_software(a.record, b.record),
    )


def explained(causes: Sequence[Cause], product: str, subject: str) -> str:
    """Kinds of the causes that touch a number; says so where there is none."""
    kinds = dict.fromkeys(cause.kind for cause in causes if cause.touches(product, subject))
    return "; ".join(kinds) or "unexplained by the records"


def _products(a: RunResults, b: RunResults) -> list[Cause]:
    found = []
    for side, one, other in (("A", a, b), ("B", b, a)):
        only = [name for name in one.products if name not in other.products]
        if only:
            found.append(Cause(PRODUCTS, f"Products: only {side} has {', '.join(only)}", tuple(only)))
    if a.reference != b.reference:
        found.append(Cause(REFERENCE, f"Reference: {a.reference} in A, {b.reference} in B"))
    return found


def _data(a: RunResults, b: RunResults) -> list[Cause]:
    """Data sets of one name whose content is not the same."""
    found = []
    theirs = {_name(one): one for one in (*b.record["products"], b.record["reference"])}
    for one in (*a.record["products"], a.record["reference"]):
        name, is_reference = _name(one), one is a.record["reference"]
        other = theirs.get(name)
        if other is None or one["fingerprint"] == other["fingerprint"]:
            continue
        touched = ("",) if is_reference else (name,)
        told = _different(one, other, {key: key.replace("_m", " [m]") for key in _ABOUT})
        about = f"; {told}" if told else ""
        prints = f"fingerprint {one['fingerprint'][:12]} in A, {other['fingerprint'][:12]} in B"
        found.append(Cause(DATA, f"Data of {name}: {prints}{about}", touched))
        model = _different(one.get("made_by", {}), other.get("made_by", {}), _MODEL_WORDS)
        if model:
            found.append(Cause(MODEL, f"Model of {name}: {model}", touched))
    return found


def _options(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Cause]:
    found = []
    one, other = a["options"], b["options"]
    for key in dict.fromkeys((*one, *other)):
        if key == EXCLUSIONS or one.get(key) == other.get(key):
            continue
        name = key.replace("_", " ")
        found.append(Cause(OPTION, f"Option {name}: {_shown(one.get(key))} in A, {_shown(other.get(key))} in B"))
    return found


def _exclusions(a: RunResults, b: RunResults) -> list[Cause]:
    """Periods that only one of the runs left out."""
    found = []
    left, right = _left_out(a), _left_out(b)
    for side, only in (("A", sorted(left - right)), ("B", sorted(right - left))):
        if only:
            told = "; ".join(_period(dict(period)) for period in only[:3])
            more = f" and {len(only) - 3} more" if len(only) > 3 else ""
            names = frozenset(dict(period)["subject"] for period in only)
            found.append(Cause(EXCLUSION, f"Exclusions: only {side} leaves out {told}{more}", subjects=names))
    return found


def _left_out(one: RunResults) -> set[tuple[tuple[str, str], ...]]:
    """The exclusions of a run, each as its sorted items."""
    return {tuple(sorted(period.items())) for period in one.record["options"].get(EXCLUSIONS) or []}


def _software(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Cause]:
    versions = [{"Loam": one["loam"], **one["libraries"]} for one in (a, b)]
    names = [
        name for name in dict.fromkeys((*versions[0], *versions[1])) if versions[0].get(name) != versions[1].get(name)
    ]
    if not names:
        return []
    told = ", ".join(f"{name} {_shown(versions[0].get(name))} and {_shown(versions[1].get(name))}" for name in names)
    return [Cause(SOFTWARE, f"Software: {told}")]


def _different(one: Mapping[str, Any], other: Mapping[str, Any], words: Mapping[str, str]) -> str:
    told = [
        f"{word} {_shown(one.get(key))} in A, {_shown(other.get(key))} in B"
        for key, word in words.items()
        if one.get(key) != other.get(key)
    ]
    return "; ".join(told)


def _period(one: Mapping[str, str]) -> str:
    reason = f" ({one['reason']})" if one.get("reason") else ""
    return f"{one['subject']} from {one['start'] or 'the beginning'} to {one['end'] or 'the end'}{reason}"


def _shown(value: object) -> str:
    if value is None or value == "" or value == []:
        return "none"
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _name(one: Mapping[str, Any]) -> str:
    return str(one.get("name") or one["id"])
