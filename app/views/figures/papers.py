"""The papers' own figures as buttons: each begins a figure over the open run."""

from __future__ import annotations

from app.figures.papers import Offer
from app.page.controls import esc
from app.page.language import tr


def paper_buttons(found: list[Offer]) -> str:
    """A button for each paper whose figure can be made now, and why the others can't."""
    made = "".join(
        f'<button type="button" class="reason" data-open="panel:paper:{esc(one.paper.id)}">'
        f"<b>{esc(one.paper.after)}</b> {esc(tr(one.paper.title))}</button>"
        for one in found
        if not one.lacks
    )
    lacking = "".join(
        f'<div class="muted"><b>{esc(one.paper.after)}</b> {esc(tr(one.paper.title))}: {esc(one.lacks)}</div>'
        for one in found
        if one.lacks
    )
    title = tr("As five papers have it, from the open run")
    return f'<div class="muted">{title}</div><div class="reasons">{made}</div>{lacking}'
