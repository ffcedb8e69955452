"""Several readers of one run, in the rail: where they differ, the review as a file, and another's taken in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn

from app.files.names import plain
from app.page.boundary import guarded, together
from app.page.controls import esc, save_row, styled, text
from app.page.language import tr
from app.page.words import said_of
from app.review import exchange as review_exchange
from app.review.conflict_words import conflict_said
from app.review.queue import ReviewQueue, link_to
from app.review.store import ReviewStore
from app.views.fold import Fold
from smcore.errors import SmcoreError
from smcore.review import words

SHOWN = 40
"""Differences that are listed; the file has all."""


class ReadersView:
    """The readers of one session's run; ``changed`` is called after a file was taken in."""

    def __init__(self, review: ReviewStore, queue: ReviewQueue, changed: Callable[[], None]) -> None:
        self.review, self.queue, self._changed = review, queue, changed
        self._of: Any = None  # the review and the reader whose differences are shown
        self._found: tuple[review_exchange.Difference, ...] = ()
        self.list, self.said = text("", margin=0), text("", margin=0)
        hint = tr("A review file of the same run, CSV or JSON, at most {n} MB. It adds to the log and changes nothing.",
                  n=review_exchange.MOST_BYTES // 1_000_000)  # fmt: skip
        self.file = styled(pn.widgets.FileInput(accept=".csv,.json", sizing_mode="stretch_width", margin=(0, 0, 6, 0)))
        self.save = save_row(self._saved, kinds=("csv", "json"), width=64)
        self.fold = Fold(
            tr("Readers"), self.list, _head(tr("This review as a file")), self.save,
            _head(tr("Take in another reader's file")), text(f'<div class="muted">{esc(hint)}</div>', margin=0),
            self.file, self.said,
        )  # fmt: skip
        self.file.param.watch(lambda event: guarded(together(self._take))(event.new), "value")

    def __panel__(self) -> pn.viewable.Viewable:
        """The folded card."""
        return self.fold.__panel__()

    def refresh(self) -> None:
        """Show where readers differ, as far as this one may see it."""
        review = self.review
        key = (review.review, review.reviewer, review.is_blind, review.run)
        if self._of == key:
            return
        self._of = key
        self._found, hidden = review_exchange.found_differences(review)
        count = len(self._found) + hidden
        self.fold.say(tr("{n} differences", one="{n} difference", n=count) if count else "")
        self.list.object = self._listed(hidden)

    def _listed(self, hidden: int) -> str:
        if not self._found and not hidden:
            return f'<div class="muted">{esc(tr("No two readers differ."))}</div>'
        rows = [self._row(i, one) for i, one in enumerate(self._found[:SHOWN])]
        more = len(self._found) - len(rows)
        lines = [tr("{n} more", n=more)] if more else []
        if hidden:
            lines.append(tr("{n} at stations that you have not judged yet: blind", n=hidden))
        return "".join(rows) + "".join(f'<div class="muted">{esc(line)}</div>' for line in lines)

    def _row(self, number: int, one: review_exchange.Difference) -> str:
        is_known = one.subject in self.review.table().index
        name = esc(self.queue.name(one.subject) if is_known else one.subject)
        opens = f'data-open="difference:{number}:{link_to(one.subject)}" title="{esc(one.subject)}"'
        head = f'<button type="button" class="link" {opens}>{name}</button>' if is_known else f"<b>{name}</b>"
        said = "".join(f"<div>{esc(_said(*each))}</div>" for each in one.said)
        kind, sentence = esc(tr(review_exchange.KINDS[one.kind])), esc(conflict_said(one.sentence, one.reviewers))
        return f'<div class="difference" title="{sentence}">{head} <span class="muted">{kind}</span>{said}</div>'

    def _saved(self, kind: str) -> tuple[Callable[[], str], Callable[[], Any]]:
        return lambda: plain("review", self.review.run), lambda: review_exchange.review_file(self.review, f".{kind}")

    def _take(self, content: bytes | None) -> None:
        if not content:
            return
        try:
            fresh, every = review_exchange.take_in(self.review, str(self.file.filename or "review.csv"), content)
        except SmcoreError as error:
            self.said.object = f'<div class="alert" role="alert">{esc(said_of(error))}</div>'
            return
        told = tr("{n} decisions taken in; {m} were here already.", n=fresh, m=every - fresh)
        self.said.object = f'<div role="status">{esc(told)}</div>'
        self._changed()


def _said(reviewer: str, verdict: int | None, time: str) -> str:
    """What one reader said, and when."""
    what = tr("{n}, {verdict}", n=verdict, verdict=tr(words.VERDICTS[verdict])) if verdict else "–"
    return f"{reviewer}: {what} ({time[:16].replace('T', ' ')} UTC)"


def _head(title: str) -> Any:
    return text(f'<h4 class="tight">{esc(title)}</h4>', margin=0)
