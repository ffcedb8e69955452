"""How well the product on the map and what is taken off it agree; of many values computed in the background."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from app.map.combined_frames import Snapshot, look
from app.map.comparison import Statistics
from app.page.background import Latest
from app.page.controls import esc, number, progress_bar, table, text
from app.page.language import tr
from app.page.words import said_of
from app.selection import Selection
from app.store import Store
from smcore.difference import named
from smcore.errors import SmcoreError
from smcore.names import unit_label


class AgreementText:
    """R, bias and RMSD of one session's difference, below the choice of what is taken off."""

    def __init__(self, selection: Selection, store: Store) -> None:
        self.selection, self.store = selection, store
        self.pane = text()
        self._work = Latest()
        self._running: Hashable = None

    def __panel__(self) -> Any:
        """The table, or why there is none."""
        return self.pane

    def clear(self) -> None:
        """Show nothing."""
        self._end()
        self.pane.object = ""

    def refresh(self) -> None:
        """Say how well the two agree, or why the one can't be taken off the other, or begin to compute it."""
        comparison, entry = self.store.comparison, self.store.entry
        if comparison.other is None or entry is None:
            self.clear()
            return
        if comparison.refusal():
            self._end()
            self._refused(comparison.refusal())
            return
        found = comparison.known_statistics()
        if found is not None:
            self._end()
            self.pane.object = self._table(found)
            return
        of = look(self.store, entry)
        if of == self._running:
            return
        self._running = of
        self._told(0.0)
        still = Snapshot(self.store)
        self._work.start(
            lambda progress, cancelled: still.comparison.statistics(progress, cancelled),
            self._done, told=lambda share, _: self._told(share), failed=self._failed,
        )  # fmt: skip

    def _done(self, found: Statistics) -> None:
        self._running = None
        self.pane.object = self._table(found)

    def _failed(self, error: SmcoreError) -> None:
        self._running = None
        self._refused(said_of(error))

    def _refused(self, why: str) -> None:
        self.pane.object = f'<div class="alert">{esc(why)}</div>'

    def _end(self) -> None:
        self._work.stop()
        self._running = None

    def _told(self, share: float) -> None:
        self.pane.object = f'<div class="muted" role="status">{tr("computing …")}</div>{progress_bar(share)}'

    def _table(self, found: Statistics) -> str:
        comparison = self.store.comparison
        assert comparison.other is not None
        units = unit_label(self.store.own_units(comparison.other))
        rows = [
            ("R", number(found.pearson_r)), (f"{tr('bias')} [{units}]", number(found.bias, 4)),
            (f"RMSD [{units}]", number(found.rmsd, 4)),
            (tr("cell-steps in common"), f"{found.n:,}".replace(",", "\u202f")),
        ]  # fmt: skip
        thinned = tr(", one in {every} taken", every=found.every) if found.every > 1 else ""
        about = tr(
            "{steps:,} common steps{thinned}; pooled over cells and steps{where}",
            steps=found.steps, thinned=thinned, where=self._where(),
        )  # fmt: skip
        timing = comparison.timing()
        about = f"{about}; {esc(timing)}" if timing else about
        return f"{table((tr('Over all common cells'), tr('Value')), rows, numeric=(1,))}<div class=muted>{about}</div>"

    def _where(self) -> str:
        """On which of two grids a difference is taken, and how the other was brought there."""
        comparison = self.store.comparison
        if not comparison.is_collocated:
            return ""
        how = (
            tr("the coarser value in each cell")
            if self.selection.onto
            else tr("means of the finer cells, half of them there")
        )
        return tr("; on {grid}: {how}", grid=esc(named(comparison.grid)), how=how)
