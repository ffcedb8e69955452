"""*Python* beside the files of a panel: a button that puts the code of its picture into the clipboard."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from app.page import slim
from app.page.boundary import guarded, notify
from app.page.controls import ASSETS, button
from app.page.language import in_english, tr


def copy_python(make: Callable[[], str]) -> slim.Row:
    """A button; ``make`` gives the code, or raises an ``SmcoreError`` that says why there is none."""
    channel = slim.TextInput(visible=False, tags=["python"])
    channel.jscallback(value=(ASSETS / "copy_python.js").read_text(encoding="utf-8"))
    number = count(1)

    def copy(_: object) -> None:
        channel.value = f"{next(number)}\n{in_english(make)()}"
        notify(tr("The code of this picture is in the clipboard."), "success")

    said = tr("Copy Python code that makes this picture in a notebook")
    shown = button("Python", guarded(copy), width=62, height=28, margin=(2, 0), description=said)
    return slim.Row(shown, channel, margin=0)
