"""Finished rows: one small JSON file each, written whole or not at all, and the values behind them in a cache.

A row that is there is not run again; delete its file to run it once more. The cache holds what is needed to compare two
rows value by value and is not committed; the comparison itself is kept in the rows (``gains``).
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from smcore import __version__
from smcore.errors import StoreError

from .frames import Frame
from .judging import gain_of
from .plan import FIXED, SYSTEM, Row
from .running import Outcome
from .scenes import BUFFER_DEG, HOLDS, SCENES, SWATH_SHARE, Scene
from .scoring import by_location, row_scores

HERE = Path(__file__).resolve().parent
ROWS = HERE / "rows"
CACHE = HERE.parents[1] / "build" / "bench_systems"
DONE, REFUSED = "done", "refused"
MOST_BYTES: Final = 20_000
_FEW_LOCATIONS: Final = 300
SAME: Final = 1e-4
"""Scores that lie no further apart are the same: kernels of another processor sum in another order."""

Record = dict[str, Any]


def read_rows(folder: Path = ROWS) -> dict[str, Record]:
    """Finished rows by name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def write_row(name: str, record: Mapping[str, Any], folder: Path = ROWS) -> Path:
    """Write a row (raises StoreError if it is too large to be committed)."""
    text = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True) + "\n"
    if len(text.encode()) > MOST_BYTES:
        raise StoreError(f"The row {name} takes {len(text.encode())} bytes, more than {MOST_BYTES}")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    beside = path.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)
    return path


def finished(row: Row, frame: Frame, outcome: Outcome, seconds: float, threads: int) -> Record:
    """What there is to keep of a row that ran."""
    record = _described(row, frame.scene, seconds, threads) | {
        "status": DONE,
        "data": _data(outcome, frame),
        "generator": _generator(frame),
        "device": outcome.device,
        "settings": _settings(outcome.model),
        "departures": list(getattr(outcome.model, "departures", ())),
        "trained_on": outcome.samples,
        "training_seconds": outcome.seconds,
        "scored": len(frame.step),
        "frame": signature(frame),
        "scores": row_scores(outcome.values, outcome.whole, frame),
        "band": outcome.band,
        "gains": {},
    }
    cells = len(np.unique(frame.cell))
    if frame.scene.task == "conus" and cells < _FEW_LOCATIONS:
        record["locations"] = by_location(outcome.values, frame)
    return record


def refused(row: Row, sentence: str, seconds: float, threads: int) -> Record:
    """A row whose model did not get the inputs that it needs."""
    return _described(row, SCENES[row.scene], seconds, threads) | {"status": REFUSED, "sentence": sentence}


def _described(row: Row, scene: Scene, seconds: float, threads: int) -> Record:
    split = {"hold": scene.hold, "rule": HOLDS[scene.hold], "train": scene.train, "test": scene.test}
    if scene.hold == "strip":
        split["buffer_deg"] = BUFFER_DEG
    if scene.hold == "swath":
        split["share"] = SWATH_SHARE
    return {
        "row": asdict(row),
        "split": split,
        "code": code_version(),
        "loam": __version__,
        "seconds": round(seconds, 1),
        "threads": threads,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _data(outcome: Outcome, frame: Frame) -> list[Record]:
    """Data sets of the model in their roles, and those that it is scored against."""
    given = [(source, role) for source in outcome.sources for role in sorted(source.roles)] if outcome.model else []
    scored = [(source, "reference") for source in frame.sources]
    known = ("id", "role", "fingerprint", "synthetic")
    return [
        dict(zip(known, (source.id, role, source.fingerprint[:16], source.is_synthetic), strict=True))
        for source, role in (*given, *scored)
    ]


def _generator(frame: Frame) -> str:
    return next((str(s.data.attrs["generator_version"]) for s in frame.sources if s.is_synthetic), "")


def _settings(model: Any) -> Record:
    config = getattr(model, "config", None)
    if not is_dataclass(config) or isinstance(config, type):
        return {}
    return {k: v for k, v in asdict(config).items() if isinstance(v, str | int | float | bool | tuple | list)}


def code_version() -> str:
    """The commit, with a ``+`` where tracked code has changed since; "" outside a checkout."""
    try:
        commit = _git("rev-parse", "--short=12", "HEAD").strip()
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", "smcore", "benchmarks/systems/*.py")
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit + ("+" if changed.strip() else "")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=HERE, capture_output=True, text=True, check=True).stdout


def signature(frame: Frame) -> str:
    """Tells frames apart: what is scored, and against what."""
    found = hashlib.sha256()
    for values in (frame.step, frame.cell, frame.reference):
        found.update(np.ascontiguousarray(values).tobytes())
    return found.hexdigest()[:16]


class Values:
    """The predicted values of finished rows, in files."""

    def __init__(self, folder: Path = CACHE) -> None:
        self.folder = folder / "values"

    def keep(self, name: str, values: NDArray[Any]) -> None:
        """Keep the values of a row."""
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f"{name}.new.npy"
        np.save(beside, values.astype(np.float32))
        os.replace(beside, self.folder / f"{name}.npy")

    def read(self, name: str) -> NDArray[Any] | None:
        """The values of a row, or None."""
        path = self.folder / f"{name}.npy"
        return np.load(path, mmap_mode="r") if path.exists() else None


def peers(row: Record, rows: Mapping[str, Record]) -> Iterator[tuple[str, Record]]:
    """Finished rows that a system's row is compared with: the same scene, fold, values and, where it has one, seed."""
    own = row["row"]
    for name, other in rows.items():
        there = other["row"]
        same = other["status"] == DONE and all(own[k] == there[k] for k in ("scene", "fold"))
        itself = (own["model"], own["config"]) == (there["model"], there["config"])
        seed = own["seed"] if there["model"] not in FIXED else 0
        if same and not itself and other["frame"] == row["frame"] and there["seed"] == seed:
            yield name, other


def differences(record: Record, scores: Mapping[str, Any], frame: Frame) -> str:
    """In what freshly made scores are not those of a row; "" where they are the same to its last kept digit but one."""
    if record["frame"] != signature(frame):
        return "something else is scored"
    old, new = (dict(_numbers(found)) for found in (record["scores"], scores))
    if old.keys() != new.keys():
        return f"{sorted(old.keys() ^ new.keys())[0]} is in one of both only"
    apart = {name: abs(old[name] - new[name]) for name in old if abs(old[name] - new[name]) > SAME}
    worst = max(apart, key=lambda name: apart[name], default="")
    return f"{worst} was {old[worst]:.5f} and is {new[worst]:.5f}" if worst else ""


def _numbers(found: Mapping[str, Any] | list[Any] | float | None, name: str = "") -> Iterator[tuple[str, float]]:
    """The figures within nested scores, each with its path."""
    if isinstance(found, Mapping | list):
        parts = found.items() if isinstance(found, Mapping) else enumerate(found)
        for key, value in parts:
            yield from _numbers(value, f"{name} / {key}" if name else str(key))
    elif found is not None:
        yield name, float(found)


def forget(name: str, rows: dict[str, Record], folder: Path = ROWS) -> None:
    """Take the gains over a row out of all others: it was run again, and they are of its former values."""
    for other, record in rows.items():
        if name in record.get("gains", {}):
            del record["gains"][name]
            write_row(other, record, folder)


def compare(rows: dict[str, Record], frame: Frame, values: Values, folder: Path = ROWS) -> list[str]:
    """Add the gains that rows of systems in this frame still lack; names of the rows that changed."""
    changed = []
    for name, record in rows.items():
        if record["status"] != DONE or record["row"]["role"] != SYSTEM or record["frame"] != signature(frame):
            continue
        own = values.read(name)
        found = {}
        for other, _ in peers(record, rows):
            theirs = values.read(other)
            lacks = "ub_gain" not in record["gains"].get(other, {})
            if lacks and own is not None and theirs is not None:
                taken = asdict(gain_of(own, theirs, frame.reference, frame.sample))
                if _agrees(record["gains"].get(other), taken):
                    found[other] = taken
        if found:
            record["gains"] |= found
            write_row(name, record, folder)
            changed.append(name)
    return changed


def _agrees(former: Record | None, taken: Record) -> bool:
    """Whether a gain is that which a row has already; if not, the cache holds values of another run of one of both."""
    if former is None:
        return True
    if any(former[key] != taken[key] for key in ("cells", "values")):
        return False
    bounds = [(former[key], taken[key]) for key in ("gain", "lower", "upper")]
    return all(a == b or (a is not None and b is not None and abs(a - b) <= SAME) for a, b in bounds)
