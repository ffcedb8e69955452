"""Doing the rows that are missing: important and cheap ones first, one data set at a time, within a time limit."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from smcore.catalog import Catalog
from smcore.errors import GridMismatch, SmcoreError, SpecMismatch
from smcore.models.registry import model_ids, model_spec

from . import rows as kept
from .frames import Frame, make_frame
from .plan import BENCH_OWN, REFUSED, Row
from .running import Workshop
from .scenes import SCENES
from .scoring import row_scores

Say = Callable[[str], None]


def lacks(row: Row, catalogs: dict[str, Catalog]) -> str:
    """Why a row can't be run now; "" if it can."""
    scene = SCENES[row.scene]
    if scene.world not in catalogs:
        return f"no catalogue of the {scene.world} data"
    if row.model in BENCH_OWN:
        return ""
    if row.model not in model_ids():
        return f"there is no model {row.model}"
    if row.config and row.config not in model_spec(row.model).configs:
        return f"{row.model} has no configuration {row.config}"
    return ""


@dataclass
class Bench:
    """Runs rows.

    Parameters
    ----------
    catalogs
        World → catalogue.
    folder, cache
        Where finished rows are, and the values behind them.
    """

    catalogs: dict[str, Catalog]
    folder: Path = kept.ROWS
    cache: Path = kept.CACHE
    device: str = "auto"
    threads: int = 1
    say: Say = print
    _frame: tuple[tuple[str, int], Frame] | None = None
    _band_frame: tuple[tuple[str, int], Frame] | None = None
    _workshops: dict[str, Workshop] = field(default_factory=dict)

    def run(self, wanted: Sequence[Row], minutes: float = float("inf")) -> int:
        """Do what is missing of some rows until the time is over; how many were done."""
        end = time.monotonic() + 60 * minutes
        done = 0
        for row in self._missing(wanted):
            if time.monotonic() + 30 * row.minutes > end:  # half of what is expected must fit
                self.say(f"{row.id}: no time left for it")
                continue
            done += self._one(row)
        return done

    def make_values(self, wanted: Sequence[Row]) -> int:
        """Make the values behind finished rows again where the cache has lost them; how many were made.

        The rows stay as they are, but for gains that could not be taken without these values. Values whose scores are
        not those of their row are not kept: they would be compared under its name.
        """
        values, made = kept.Values(self.cache), 0
        for row in wanted:
            record = kept.read_rows(self.folder).get(row.id)
            if record is None or record["status"] != kept.DONE or values.read(row.id) is not None:
                continue
            frame = self.frame(row)
            outcome = self._workshop(row).run(row, frame)
            found = row_scores(outcome.values, outcome.whole, frame)
            apart = kept.differences(record, found, frame)
            if apart:
                self.say(f"{row.id}: comes out otherwise now, its values are not kept: {apart}")
                continue
            values.keep(row.id, outcome.values)
            kept.compare(kept.read_rows(self.folder), frame, values, self.folder)
            self.say(f"{row.id}: its values are there again, with the scores that it had")
            made += 1
        return made

    def compare(self, wanted: Sequence[Row]) -> int:
        """Take the gains that finished rows in the scenes of some lack, where the cache has values; how many changed.

        A gain that is there stays as it is; only what was never taken of it is added, and only from the same values.
        """
        values, changed = kept.Values(self.cache), 0
        for row in {(row.scene, row.fold): row for row in wanted}.values():
            if SCENES[row.scene].world in self.catalogs:
                changed += len(kept.compare(kept.read_rows(self.folder), self.frame(row), values, self.folder))
        return changed

    def _missing(self, wanted: Sequence[Row]) -> Iterator[Row]:
        for row in wanted:
            if (self.folder / f"{row.id}.json").exists():
                continue
            why = lacks(row, self.catalogs)
            if why:
                self.say(f"{row.id}: {why}")
            else:
                yield row

    def _one(self, row: Row) -> bool:
        started = time.monotonic()
        try:
            frame = self.frame(row)
            outcome = self._workshop(row).run(row, frame, self._calibration(row))
            record = kept.finished(row, frame, outcome, time.monotonic() - started, self.threads)
        except (SpecMismatch, GridMismatch) as error:
            if row.role != REFUSED:  # a row that should run: something is wrong, and it stays to be done
                self.say(f"{row.id}: FAILED: {error.sentence}")
                return False
            record = kept.refused(row, error.sentence, time.monotonic() - started, self.threads)
            kept.write_row(row.id, record, self.folder)
            self.say(f"{row.id}: refused: {error.sentence}")
            return True
        except SmcoreError as error:
            self.say(f"{row.id}: FAILED: {error.sentence}")
            return False
        except Exception as error:  # noqa: BLE001 - a row that fails costs no other
            self.say(f"{row.id}: FAILED: {type(error).__name__}: {error}")
            traceback.print_exc()
            return False
        values = kept.Values(self.cache)
        values.keep(row.id, outcome.values)
        kept.write_row(row.id, record, self.folder)
        rows = kept.read_rows(self.folder)
        kept.forget(row.id, rows, self.folder)
        kept.compare(rows, frame, values, self.folder)
        said = " although a refusal was expected" if row.role == REFUSED else ""
        self.say(f"{row.id}: done in {record['seconds']:.0f} s{said}")
        return True

    def frame(self, row: Row) -> Frame:
        """What the row is scored on; kept for the next row of the scene."""
        key = row.scene, row.fold
        if self._frame is None or self._frame[0] != key:
            scene = SCENES[row.scene]
            self._frame = key, make_frame(scene, row.fold, self.catalogs[scene.world])
        return self._frame[1]

    def _calibration(self, row: Row) -> Frame | None:
        """What the row's error band is calibrated on; None where the scene has nothing for it."""
        scene = SCENES[row.scene]
        if scene.calibration is None or row.model in BENCH_OWN:
            return None
        key = row.scene, row.fold
        if self._band_frame is None or self._band_frame[0] != key:
            self._band_frame = key, make_frame(scene, row.fold, self.catalogs[scene.world], calibration=True)
        return self._band_frame[1]

    def _workshop(self, row: Row) -> Workshop:
        world = SCENES[row.scene].world
        if world not in self._workshops:
            self._workshops = {world: Workshop(self.catalogs[world], self.cache, self.device)}
        return self._workshops[world]
