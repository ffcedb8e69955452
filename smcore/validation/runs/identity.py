"""Which run this is: a short hash of what was compared and how, whatever was excluded from it.

A review log, and everything else that is kept beside a run, carries it, so that it is never laid beside another run.
A run that is made again with the exclusions that came out of its review is the same run in this sense.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from smcore.errors import StoreError

LENGTH: Final = 16
"""Hexadecimal digits of an identity: 64 bits, so that two of a million runs agree by chance once in 4 × 10⁷ times."""

EXCLUSIONS: Final = "exclusions"


def run_identity(record: Mapping[str, Any]) -> str:
    """Return the identity of a run.

    Parameters
    ----------
    record
        Content of its ``run.json``. The order of the products does not matter; exclusions do not count.

    Returns
    -------
    str
        16 hexadecimal digits: the first of SHA-256 over the names and fingerprints of the data and the options.

    Raises
    ------
    StoreError
        If the record lacks one of them.
    """
    try:
        products = sorted(_data(one) for one in record["products"])
        options = {key: value for key, value in record["options"].items() if key != EXCLUSIONS}
        content = {"products": products, "reference": _data(record["reference"]), "options": options}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise StoreError("The record of the run does not say which run it is", hint="run it again") from error
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:LENGTH]


def _data(one: Mapping[str, Any]) -> list[str]:
    """Name and fingerprint: the name is the id, with how the product was scaled where that is its own."""
    return [str(one["name"]), str(one["fingerprint"])]
