"""Finished rows with made-up figures."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from benchmarks.systems import rows
from benchmarks.systems.plan import Row


@pytest.fixture
def record_of():
    """Makes the record of a row."""

    def record_of(row: Row, *, rmsd: float = 0.04, r: float = 0.7, gains=None, status=rows.DONE) -> dict:
        """A finished row with made-up figures."""
        bounds = [rmsd, round(rmsd - 0.00113, 5), round(rmsd + 0.00127, 5)]
        median = {"rmsd": bounds, "ubrmsd": bounds, "bias": [0.00371, 0.00211, 0.00531],
                  "pearson_r": [r, round(r - 0.0411, 5), round(r + 0.0322, 5)]}  # fmt: skip
        block = {"n": 1000, "cells": 50, "median": median}
        block["pooled"] = block["median"]
        kinds = ("truth", "smap", "stations", "smap at stations", "coarse", "smap against truth",
                 "stations, overpass hours", "stations, other hours")  # fmt: skip
        count = 55
        table = {"location": list(range(count)), "n": [100] * count}
        table |= {m: [bounds[0] if m != "pearson_r" else r] * count for m in ("rmsd", "ubrmsd", "bias", "pearson_r")}
        described = {
            "row": asdict(row),
            "code": "abc",
            "machine": "m",
            "seconds": 60.0,
            "status": status,
            "generator": "1",
        }
        if status == rows.REFUSED:
            return described | {"sentence": "it lacks rain"}
        return described | {"device": "cpu", "frame": "f", "gains": gains or {}, "locations": table,
                            "scores": {"given": 1.0, **dict.fromkeys(kinds, block)}}  # fmt: skip

    return record_of
