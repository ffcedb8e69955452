"""Panel's parts without what a tab of ours never uses: a page has hundreds of them, and each costs memory and time.

Panel watches each of a widget's forty parameters in case that one changes, reads the list of them forty times, lays a
row round each pane, listens to all of a model's properties, and gives every model the text of its style sheets anew.
These classes watch the few parameters that change all the time, any other from the first time that it changes, and
listen to what a browser can change. What they do is Panel's; tests/app/page/test_slim.py holds them beside Panel's own.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from html import escape
from io import BytesIO
from typing import Any, ClassVar

import panel as pn
import param
from bokeh.models import Column as BokehColumn
from bokeh.models import ImportedStyleSheet, InlineStyleSheet
from panel.config import _config
from panel.io.state import state
from panel.layout.base import ListPanel
from panel.layout.base import Row as PanelRow
from panel.models.markup import HTML
from panel.reactive import Reactive

OFTEN = frozenset({"value", "options", "object", "objects", "label", "visible", "disabled", "name"})
"""Watched from the beginning, so before anything of ours: of what follows from a change, the browser gets the last."""
TYPED = ("value", "value_input", "value_throttled", "clicks", "_clicks")
"""What a browser changes of a widget."""
_SHEETS, _SPINNER = "loam_style_sheets", ".pn-loading"


@contextmanager
def unswept() -> Iterator[None]:
    """Look for no garbage while a page is made: all of it is kept, and looking takes a tenth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def install() -> None:
    """Change one of Panel's settings for a moment without reading all of them before and after; once is enough.

    Panel does so for each of the twenty roots of a page: a tenth of its time.
    """
    _config.set = _set_briefly


@contextmanager
def _set_briefly(self: Any, **changes: Any) -> Iterator[None]:
    before = {name: getattr(self, name) for name in changes}
    for name, value in changes.items():
        setattr(self, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(self, name, value)


@cache
def _synced(kind: Any) -> tuple[str, ...]:
    apart = {*kind._manual_params, "default_layout", "loading", "background"}
    return tuple(name for name in kind.param if name not in apart)


@cache
def _seldom(kind: Any) -> frozenset[str]:
    return frozenset(_synced(kind)) - OFTEN


@cache
def _heard(kind: Any) -> tuple[str, ...]:
    names = {name: kind._property_mapping.get(name, name) for name in TYPED if name in kind.param}
    return tuple(name for name in names.values() if name is not None)


class Slim(Reactive):
    """What goes to the browser when it changes, watched only where it changes."""

    __abstract = True
    _late: frozenset[str] | None = None  # what of the other parameters is watched by now

    @property
    def _synced_params(self) -> Any:
        return _synced(self._kind())

    @property
    def _linked_properties(self) -> tuple[str, ...]:
        return _heard(self._kind())

    def label_has_help(self) -> bool:
        """Whether there is a label, beside which Panel offers what the widget is about."""
        return bool(getattr(self, "label", ""))

    def _kind(self) -> Any:
        return type(self)

    def _link_params(self) -> None:
        watched = [name for name in self._synced_params if name in OFTEN]
        self._internal_callbacks.append(self.param.watch(self._param_change, watched))
        self._late = frozenset()

    def __setattr__(self, name: str, value: Any) -> None:
        if self._late is not None and self._models and name in _seldom(self._kind()) and name not in self._late:
            self._late |= {name}
            self._internal_callbacks.append(self.param.watch(self._param_change, [name]))
        super().__setattr__(name, value)

    def _process_param_change(self, params: dict[str, Any]) -> dict[str, Any]:
        params = dict(params)
        said = None if self.label_has_help() else params.pop("description", None)
        properties: dict[str, Any] = super()._process_param_change(params)
        if said is not None:  # the browser's own tip: Panel's is two models more, which a glyph has no room to offer
            properties["html_attributes"] = {"title": said}
        if "stylesheets" in properties:  # without those of Panel's spinner, which is never shown
            properties["stylesheets"] = [_shared(one) for one in properties["stylesheets"] if not _is_of_spinner(one)]
        return properties


def _is_of_spinner(sheet: Any) -> bool:
    if isinstance(sheet, ImportedStyleSheet):
        return "css/loading.css" in sheet.url
    return isinstance(sheet, str) and _SPINNER in sheet


def _shared(sheet: Any) -> Any:
    """One model of a style sheet for all widgets of a tab: its text goes to the browser once."""
    document = state.curdoc
    if document is None or not isinstance(sheet, str):
        return sheet
    kept = document.template_variables.setdefault(_SHEETS, {})
    if sheet not in kept:
        kept[sheet] = InlineStyleSheet(css=sheet)
    return kept[sheet]


class Text(Slim):
    """A block of HTML, of which nothing comes back."""

    object = param.String(default="", allow_None=True, doc="The HTML; what is in it from data was escaped.")

    _rename: ClassVar[dict[str, str | None]] = {"object": "text"}

    def __init__(self, object: str | None = "", **params: Any) -> None:  # noqa: A002 — named as that of Panel's panes
        super().__init__(object=object, **params)

    def _process_param_change(self, params: dict[str, Any]) -> dict[str, Any]:
        if "object" in params:
            params = params | {"object": escape(params["object"] or "")}  # the model takes it escaped
        return super()._process_param_change(params)

    def _get_model(self, doc: Any, root: Any = None, parent: Any = None, comm: Any = None) -> Any:  # noqa: ARG002
        model = HTML(**self._get_properties(doc), disable_math=True)
        self._models[(root or model).ref["id"]] = (model, parent)
        return model


class Row(Slim, PanelRow):
    """Parts beside each other."""


class Column(Slim, ListPanel):
    """Parts below each other; it does not tell how far it was scrolled."""

    _bokeh_model = BokehColumn
    _direction = "vertical"
    _stylesheets: ClassVar[list[str]] = PanelRow._stylesheets


class Button(Slim, pn.widgets.Button):
    """A push button."""

    def label_has_help(self) -> bool:
        """Its label is on it."""
        return False


class Select(Slim, pn.widgets.Select):
    """A menu."""


class TextInput(Slim, pn.widgets.TextInput):
    """A line of text."""


class FloatInput(Slim, pn.widgets.FloatInput):
    """A number."""


class IntInput(Slim, pn.widgets.IntInput):
    """A whole number."""


class Checkbox(Slim, pn.widgets.Checkbox):
    """A choice between two."""


class DatePicker(Slim, pn.widgets.DatePicker):
    """A day."""


class FileDownload(Slim, pn.widgets.FileDownload):
    """A button that saves a file: what ``callback`` gives, at once, or what ``aside`` begins and :meth:`send` sends."""

    aside: Callable[[], Any] | None = None

    @param.depends("_clicks", watch=True)
    def _transfer(self) -> None:
        if self.aside is None:
            super()._transfer()
        else:
            self.aside()

    def send(self, content: bytes) -> None:
        """Give the browser a file, which it saves."""
        self._sync_data(BytesIO(content))
