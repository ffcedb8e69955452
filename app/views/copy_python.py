"""*Python* beside the files of a panel: a button that puts the code of its picture into the clipboard."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import panel as pn

from app.boundary import guarded, notify
from app.controls import button
from app.language import in_english, tr

# The first line only makes each copy another value. Where a page may not write to the clipboard, the code is shown.
_COPY = r"""
const code = cb_obj.value.slice(cb_obj.value.indexOf("\n") + 1);
const written = navigator.clipboard ? navigator.clipboard.writeText(code) : Promise.reject();
written.catch(() => window.prompt(tr("Copy the code:"), code));
"""


def copy_python(make: Callable[[], str]) -> pn.Row:
    """A button; ``make`` gives the code, or raises an ``SmcoreError`` that says why there is none."""
    channel = pn.widgets.TextInput(visible=False, tags=["python"])
    channel.jscallback(value=_COPY)
    number = count(1)

    def copy(_: object) -> None:
        channel.value = f"{next(number)}\n{in_english(make)()}"
        notify(tr("The code of this picture is in the clipboard."), "success")

    said = tr("Copy Python code that makes this picture in a notebook")
    shown = button("Python", guarded(copy), width=62, height=28, margin=(2, 0), description=said)
    return pn.Row(shown, channel, margin=0)
