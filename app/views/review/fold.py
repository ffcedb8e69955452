"""A folded part of the desk whose text is written when it is seen: nobody waits for what is folded away."""

from __future__ import annotations

from collections.abc import Callable

from app.page.controls import text
from app.views.fold import Fold


class TextFold(Fold):
    """A title over a text that :meth:`tell` names the maker of."""

    def __init__(self, title: str) -> None:
        self._pane, self._make = text(), _nothing
        super().__init__(title, self._pane)

    @property
    def object(self) -> str:
        """The text, as it is or would be shown."""
        return self._make()

    def tell(self, make: Callable[[], str]) -> None:
        """Show what ``make`` says, once it is seen."""
        self._make = make
        self._fill()

    def _fill(self) -> None:
        super()._fill()
        if self.body.visible:
            self._pane.object = self._make()


def _nothing() -> str:
    return ""
