"""What is hidden costs a tab no models."""

from __future__ import annotations

import panel as pn

from app.page.controls import as_seen
from app.views.fold import Fold


def test_hidden_parts_are_put_in_when_they_are_first_shown_and_in_their_place() -> None:
    parts = [pn.pane.HTML(name, visible=name != "middle") for name in ("first", "middle", "last")]
    row = as_seen(pn.Row(), *parts)
    assert list(row) == [parts[0], parts[2]]
    parts[1].visible = True
    assert list(row) == parts
    parts[1].visible = False
    assert list(row) == parts


def test_what_is_folded_away_is_filled_in_when_it_is_first_opened() -> None:
    content = pn.pane.HTML("inside")
    fold = Fold("Title", content)
    assert not len(fold.body)
    fold.turn()
    assert list(fold.body) == [content]
    fold.turn()
    assert not fold.body.visible
