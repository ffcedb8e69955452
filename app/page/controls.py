"""Widgets and text in the house's look, and the boundary between text from data and HTML."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from app.page import slim
from app.page.boundary import together, told
from app.page.language import in_english, tr

ASSETS = Path(__file__).resolve().parents[1] / "assets"
NO_RING = ".bk-events, :host(:focus) { outline: none !important; }"
"""Bokeh draws a dotted ring round a figure that was clicked, which looks like a fault of the picture."""


@cache
def stylesheet() -> str:
    """The one style sheet of everything inside a shadow root."""
    return (ASSETS / "widgets.css").read_text(encoding="utf-8")


def styled(widget: Any, **options: Any) -> Any:
    """Give a Panel object the house's style sheet; returns it."""
    widget.stylesheets = [*widget.stylesheets, stylesheet()]
    if options:
        widget.param.update(**options)
    return widget


def esc(text: object) -> str:
    """Text from data as HTML text: station names, notes and attributes are never markup."""
    return html.escape(str(text), quote=True)


def text(markup: str = "", **options: Any) -> slim.Text:
    """A block of our own HTML; everything from data in it went through :func:`esc`."""
    options = {"sizing_mode": "stretch_width", "margin": (0, 0, 6, 0)} | options
    return styled(slim.Text(markup, **options))


def empty(sentence: str) -> str:
    """What a panel shows when it has nothing to show: why, and what would fill it."""
    return f'<div class="empty">{esc(sentence)}</div>'


def progress_bar(done: float, total: float = 1, said: str = "") -> str:
    """How far work is, ``done`` of ``total``; ``said`` is its name for who can't see it, else that it is a share."""
    name = esc(said or tr("share computed"))
    return f'<progress value="{round(done, 3)}" max="{total}" aria-label="{name}"></progress>'


def alert(sentence: str) -> str:
    """What went wrong, or has to be known, as HTML that a screen reader says at once."""
    return f'<div class="alert" role="alert">{esc(sentence)}</div>'


def button(label: str, on_click: Callable[[Any], Any], *, kind: str = "default", **options: Any) -> Any:
    """A push button."""
    made = styled(slim.Button(label=label, color=kind, **({"margin": 2} | options)))
    made.on_click(together(on_click))
    return made


def as_seen(box: Any, *parts: Any) -> Any:
    """Put parts into a row or column, each when it is first visible: what is hidden costs a tab no models; the box."""
    seen = [part for part in parts if part.visible]
    box[:] = seen

    def show(event: Any) -> None:
        if event.new and event.obj not in seen:
            seen.append(event.obj)
            box[:] = sorted(seen, key=parts.index)

    for part in parts:
        if part not in seen:
            part.param.watch(show, "visible")
    return box


def table(
    header: Sequence[str], rows: Iterable[Sequence[object]], numeric: Iterable[int] = (), *, named: bool = False
) -> str:
    """An escaped HTML table; columns in ``numeric`` are set right, in tabular figures.

    ``named``: the first cell of a row is a long name, and stands over the others across the whole table.
    """
    right = set(numeric)

    def whole(row: Sequence[object]) -> str:
        if not named:
            return f"<tr>{line(row, 'td')}</tr>"
        name = row[0] if isinstance(row[0], Markup) else esc(row[0])
        numbers = line(("", *row[1:]), "td")
        return f"<tr class=name><td colspan={len(row)}>{name}</td></tr><tr>{numbers}</tr>"

    def line(cells: Sequence[object], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=number' if i in right else ''}>{cell if isinstance(cell, Markup) else esc(cell)}</{tag}>"
            for i, cell in enumerate(cells)
        )

    body = "".join(map(whole, rows))
    return f"<table><thead><tr>{line(header, 'th')}</tr></thead><tbody>{body}</tbody></table>"


def swatch(colour: str) -> str:
    """A small square of a colour, before a name."""
    return f'<span class="swatch" style="background:{esc(colour)}"></span>'


class Markup(str):
    """HTML that we wrote ourselves."""

    __slots__ = ()


def number(value: float, digits: int = 3) -> str:
    """A number for a table; an en dash where there is none; nothing is written as less than zero that rounds to it."""
    return "–" if value != value else f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def save_row(
    files: Callable[[str], tuple[Callable[[], str], Callable[[], Any]]],
    width: int = 58,
    kinds: Sequence[str] = ("png", "svg", "csv"),
) -> slim.Row:
    """Save buttons for one panel: ``files(kind)`` gives what names the file without its ending, and what makes it."""
    row = slim.Row(margin=0, css_classes=["save"])
    for kind in kinds:
        stem, make = files(kind)
        saver = styled(
            slim.FileDownload(
                filename=f"file.{kind}", label=kind.upper(), embed=False, auto=True, color="default", width=width,
                height=28, margin=(2, 4, 2, 0),
            )
        )  # fmt: skip
        saver.callback = told(in_english(_named(saver, kind, stem, make)))
        row.append(saver)
    return row


def _named(saver: Any, kind: str, stem: Callable[[], str], make: Callable[[], Any]) -> Callable[[], Any]:
    """What makes a file when it is asked for, by the name that it has then."""

    def made() -> Any:
        content = make()
        saver.filename = f"{stem()}.{kind}"
        return content

    return made
