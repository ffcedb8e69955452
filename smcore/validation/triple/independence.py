"""Which data sets of a comparison can't have independent errors, as far as they say what went into them.

Collocation takes the errors of its members as independent. Two that share an input share some of its errors: that
covariance counts as signal, so both look better than they are and the third looks worse. A network trained on one
product with another as its input depends on both. What went into a data set is the attribute ``inputs``: words for
product families, its own among them, as the catalogue declares them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from smcore.validation.matching.places import STATIONS
from smcore.validation.matching.sides import Side

_EFFECT = "their errors come out too small and those of the others too large"


def shared_inputs(sides: Sequence[Side]) -> list[str]:
    """Say which members are not independent and why; empty where nothing speaks against it.

    Parameters
    ----------
    sides
        Members of a triplet, or of an extended collocation.

    Returns
    -------
    list of str
        One sentence for each pair that shares inputs or is one product, and one each for members that are synthetic
        or do not say what went into them.
    """
    found = [_sentence(sides[a], sides[b]) for a, b in combinations(range(len(sides)), 2)]
    said = [sentence for sentence in found if sentence]
    made = [side.name for side in sides if int(side.dataset.attrs.get("synthetic", 0))]
    if len(made) > 1:
        said.append(f"synthetic: {_listed(made)} are of a made-up world, their errors are what its makers chose")
    silent = [side.name for side in sides if not _inputs(side)]
    if silent:
        them = "gives no word of what went into it" if len(silent) == 1 else "give no word of what went into them"
        said.append(f"independence unknown: {_listed(silent)} {them} (attribute inputs)")
    return said


def shared_pairs(sides: Sequence[Side]) -> list[tuple[str, str]]:
    """Names of the pairs whose errors may be correlated, as :func:`.extended.design` takes them."""
    return [(a.name, b.name) for a, b in combinations(sides, 2) if _is_same(a, b) or _shared(a, b)]


def _sentence(a: Side, b: Side) -> str:
    if _is_same(a, b):
        what = (
            f"{a.name} is there twice" if a.name == b.name else f"{a.name} and {b.name} are one product, {_product(a)}"
        )
        return f"not independent: {what}; {_EFFECT}"
    shared = _shared(a, b)
    return f"not independent: {a.name} and {b.name} both rest on {_listed(shared)}; {_EFFECT}" if shared else ""


def _is_same(a: Side, b: Side) -> bool:
    return a.name == b.name or bool(not _are_stations(a, b) and _product(a) and _product(a) == _product(b))


def _shared(a: Side, b: Side) -> list[str]:
    return [] if _are_stations(a, b) else sorted(_inputs(a) & _inputs(b))


def _are_stations(a: Side, b: Side) -> bool:
    """Two collections of one archive share its name, not their sensors."""
    return a.layout == b.layout == STATIONS


def _inputs(side: Side) -> set[str]:
    return set(str(side.dataset.attrs.get("inputs", "")).split())


def _product(side: Side) -> str:
    """Name of the product; posted on several grids it is one all the same."""
    return str(side.dataset.attrs.get("product", ""))


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
