"""Whether the licence of a data set lets values be passed on: read from what its entry says, and no legal advice.

The rule is ours and cautious: words that forbid win, words that allow are needed, and what says neither is not passed
on. Metrics, maps and figures are results and not the data; they are in every bundle.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_FORBIDS: Final = (
    r"not to be passed on", r"\bno redistribution", r"\bnot (be )?redistribut", r"(may|must) not be passed",
    r"\bthird part(y|ies)\b", r"-nd\b", r"\bno ?derivatives?\b", r"\bproprietary\b", r"\brestricted\b",
    r"\bconfidential\b",
)  # fmt: skip
_ALLOWS: Final = (
    r"\bcc0\b", r"\bcc[- ]by\b", r"\bpublic domain\b", r"\bcopernicus licen[cs]e\b", r"\bfree use\b",
    r"\bnasa open data\b", r"\bopen \(nasa\)", r"\bodc-by\b", r"\bodbl\b", r"\bogl\b",
    r"\bopen government licen[cs]e\b", r"\bmit\b", r"\bapache\b",
)  # fmt: skip


@dataclass(frozen=True)
class Licence:
    """What is known of one data set: ``allows`` is whether its values may be passed on, ``why`` says it."""

    name: str
    text: str
    allows: bool
    why: str


def licence_of(one: Mapping[str, Any]) -> Licence:
    """The licence of a data set of a record."""
    name, text = str(one.get("name") or one["id"]), str(one["licence"]).strip()
    said = " ".join(text.lower().split())
    if any(re.search(pattern, said) for pattern in _FORBIDS):
        return Licence(name, text, False, "its licence does not let values be passed on")
    if any(re.search(pattern, said) for pattern in _ALLOWS):
        return Licence(name, text, True, "its licence lets values be passed on")
    return Licence(name, text, False, "its licence does not say that values may be passed on")


def licences_of(record: Mapping[str, Any]) -> tuple[Licence, ...]:
    """The licences of all products and of the reference, in this order."""
    return tuple(licence_of(one) for one in (*record["products"], record["reference"]))


def withheld(licences: Sequence[Licence]) -> str:
    """Which data sets' values may not be passed on, and why; '' where all may."""
    closed = [one for one in licences if not one.allows]
    if not closed:
        return ""
    return "; ".join(f"{one.name}: {one.why} («{one.text or 'none stated'}»)" for one in closed)
