"""Apply the rules of suspicion to a sensor."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Any, Final

from smcore import plugins
from smcore.review.suspicion.base import Suspicion, strongest
from smcore.review.suspicion.evidence import Evidence
from smcore.review.suspicion.reading import Sensors

PACKAGE: Final = "smcore.review.suspicion.rules"


@cache
def rule(name: str) -> ModuleType:
    """One rule by its id.

    Raises
    ------
    SmcoreError
        If there is no such rule, or it lacks a part of the contract.
    """
    return plugins.load(PACKAGE, name, ("TITLE", "SOURCE", "lacking", "find"))


def rule_names() -> tuple[str, ...]:
    """Ids of all rules."""
    return tuple(plugins.names(PACKAGE))


def rule_title(name: str) -> str:
    """What a rule suspects, in a few words."""
    return str(rule(name).TITLE)


def rule_source(name: str) -> str:
    """Who has published a rule, and what of it is ours."""
    return str(rule(name).SOURCE)


def look(evidence: Evidence, rules: Sequence[str] = ()) -> tuple[Suspicion, ...]:
    """Apply rules (all if none are named) to what is known about a sensor: marks, rule by rule, in order of time."""
    found: list[Suspicion] = []
    for name in rules or rule_names():
        one = rule(name)
        if not one.lacking(evidence):
            found += strongest(one.find(evidence))
    return tuple(found)


def lacking(evidence: Evidence, rules: Sequence[str] = ()) -> dict[str, str]:
    """Rules that could not be applied → one sentence about what they would need."""
    said = {name: str(rule(name).lacking(evidence)) for name in rules or rule_names()}
    return {name: sentence for name, sentence in said.items() if sentence}


def suspicions(sensors: Sensors | Any, row: int, rules: Sequence[str] = ()) -> tuple[Suspicion, ...]:
    """What looks wrong about one sensor of a station collection.

    Parameters
    ----------
    sensors
        A prepared station collection, or its :class:`~smcore.review.suspicion.reading.Sensors`, which reads the other
        sensors only once and says which flags are allowed.
    row
        The sensor's row.
    rules
        Ids of the rules to apply; all if left out.
    """
    held = sensors if isinstance(sensors, Sensors) else Sensors(sensors)
    return look(held.evidence(row), rules)
