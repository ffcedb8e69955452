"""Clicks on a figure, all of them: Bokeh tells a click as one of three events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bokeh.events import DoubleTap, PressUp, Tap

from app.page.boundary import guarded, together


def on_click(plot: Any, action: Callable[[Any], Any], *, in_turn: bool = False) -> None:
    """Call ``action`` at each click.

    A click is a press and a release for the browser, and Bokeh takes it for a long press if 300 ms lie between the two:
    the button was held, or the page was busy with a picture meanwhile. Then ``PressUp`` comes and no ``Tap``.

    Parameters
    ----------
    in_turn
        Whether clicks in quick turn count each, wherever they are: of two within 300 ms the second is a ``DoubleTap``
        and no ``Tap``.
    """
    for event in (Tap, PressUp, *((DoubleTap,) if in_turn else ())):
        plot.on_event(event, together(guarded(action)))
