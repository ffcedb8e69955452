"""*Add to figure* beside the files of a panel."""

from __future__ import annotations

from app.page import slim
from app.page.controls import text
from app.page.language import tr


def figure_link(what: str) -> slim.Text:
    """A button that adds what a panel shows to the figure; the session listens for ``figure:WHAT``."""
    said = tr("Put this picture into the figure that is composed in Figures, as it is on the screen")
    label = tr("Add to figure")
    markup = f'<button type="button" class="to-figure" data-open="figure:{what}" title="{said}">{label}</button>'
    return text(markup, width=104, height=28, margin=2, sizing_mode=None)
