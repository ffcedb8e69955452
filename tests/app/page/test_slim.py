"""Slim parts behave as Panel's own, and cost less."""

from __future__ import annotations

from typing import Any

import panel as pn
import pytest
from bokeh.document import Document
from bokeh.models import InlineStyleSheet, Tooltip
from panel.io.state import set_curdoc

from app.page import slim
from app.page.controls import button, styled, text

KINDS: dict[str, dict[str, Any]] = {
    "Row": {}, "Button": {"label": "x", "description": "said"}, "Select": {"options": {"a": 1, "b": 2}, "value": 2},
    "TextInput": {"value": "x"}, "FloatInput": {"value": 1.5}, "IntInput": {"value": 3}, "Checkbox": {"value": True},
    "DatePicker": {}, "FileDownload": {"callback": lambda: None, "filename": "map.png", "label": "PNG"},
}  # fmt: skip
CHANGES = {
    "visible": False, "margin": 7, "width": 33, "css_classes": ["one"], "styles": {"color": "red"},
    "sizing_mode": "stretch_width", "disabled": True, "label": "other", "placeholder": "here", "filename": "b.csv",
    "min_width": 12, "step": 2,
}  # fmt: skip


def _panels(name: str) -> Any:
    return getattr(pn, name, None) or getattr(pn.widgets, name)


def _properties(model: Any) -> dict[str, Any]:
    found = model.properties_with_values(include_defaults=False)
    return {
        k: v for k, v in found.items() if k not in ("stylesheets", "name", "description", "tooltip", "html_attributes")
    }


@pytest.mark.parametrize("name", KINDS)
def test_a_slim_part_is_shown_as_panels_own_before_and_after_any_change(name: str) -> None:
    ours, theirs = (kind(**KINDS[name]) for kind in (getattr(slim, name), _panels(name)))
    models = [one.get_root(Document()) for one in (ours, theirs)]
    assert _properties(models[0]) == _properties(models[1])
    for parameter, value in CHANGES.items():
        if parameter in ours.param:
            setattr(ours, parameter, value)
            setattr(theirs, parameter, value)
            assert _properties(models[0]) == _properties(models[1]), parameter
    changes = {k: v for k, v in {"visible": True, "margin": 1, "height": 20}.items() if k in ours.param}
    ours.param.update(**changes)
    theirs.param.update(**changes)
    assert _properties(models[0]) == _properties(models[1])


@pytest.mark.parametrize("name", KINDS)
def test_what_a_browser_changes_is_heard(name: str) -> None:
    ours, theirs = (kind(**KINDS[name]) for kind in (getattr(slim, name), _panels(name)))
    told = {"value", "value_input", "active", "clicks"}
    assert set(ours._linked_properties) & told == set(theirs._linked_properties) & told


def test_a_text_is_shown_as_panels_pane_and_has_no_row_around_it() -> None:
    ours, theirs = slim.Text("<b>1 &lt; 2</b>", margin=3), pn.pane.HTML("<b>1 &lt; 2</b>", margin=3)
    models = [one._get_model(Document()) for one in (ours, theirs)]
    assert _properties(models[0]) == _properties(models[1])
    models = [pn.Column(ours).get_root(Document()).children[0]]
    ours.object = "<i>now</i>"
    assert models[0].text == "&lt;i&gt;now&lt;/i&gt;"
    assert not hasattr(ours, "layout")


def test_of_a_change_within_a_change_the_browser_gets_the_last() -> None:
    field = slim.TextInput(value="a")
    model = field.get_root(Document())
    field.param.watch(lambda event: setattr(field, "value", event.new.upper()), "value")
    field.value = "b"
    assert (field.value, model.value) == ("B", "B")


def test_a_tip_is_the_browsers_own_without_a_model_and_follows_its_change() -> None:
    for part in (slim.Button(label="◀", description="Back"), slim.Select(options=["a"], description="Back")):
        model = part.get_root(Document())
        assert model.html_attributes == {"title": "Back"}
        assert not [m for m in model.references() if isinstance(m, Tooltip)]
        part.description = "Forward"
        assert model.html_attributes == {"title": "Forward"}
    labelled = slim.Select(label="Speed", options=["a"], description="Of play").get_root(Document())
    assert isinstance(labelled.description, Tooltip)


def test_the_text_of_a_style_sheet_goes_to_a_tab_once_and_to_each_tab_its_own() -> None:
    sheets = []
    for _ in range(2):
        document = Document()
        with set_curdoc(document):
            page = slim.Column(text("a"), button("b", lambda _: None), styled(slim.Select(options=["c"])))
            document.add_root(page.get_root(document))
        found = {m.id for m in document.models if isinstance(m, InlineStyleSheet)}
        used = [s for m in page.select(slim.Slim) for s in m._models[document.roots[0].id][0].stylesheets]
        assert {s.id for s in used if isinstance(s, InlineStyleSheet)} == found
        assert not [s for s in used if isinstance(s, str)]
        sheets.append(found)
    assert sheets[0]
    assert not sheets[0] & sheets[1]
