"""Models whose defaults are worked out once are bokeh's own models, and a page of them is as bokeh sends it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import bokeh.plotting  # noqa: F401 — so that its kinds of models are there
import pytest
from bokeh.core.property.descriptors import UnsetValueError
from bokeh.document import Document
from bokeh.model import Model
from bokeh.models import Button, ColumnDataSource, CustomJS
from panel.io.state import set_curdoc

from app.page import defaults


@pytest.fixture
def ours() -> Iterator[None]:
    """Defaults as the server has them, in this test alone."""
    before = [(owner, name, vars(owner)[name]) for owner, name, _ in defaults.OWN]
    defaults.install()
    yield
    for owner, name, function in before:
        setattr(owner, name, function)
    if before[0][2] is defaults.OWN[0][2]:
        delattr(before[0][0], defaults._MARK)


def plain(value: Any) -> Any:
    """A value without the names that each model gets anew."""
    if isinstance(value, Model):
        return type(value), plain(value.properties_with_values(include_defaults=False, include_undefined=True))
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, (list, tuple)) else repr(value)


def look(kind: type[Model]) -> Any:
    """What a new model is sent as, all its values, and the models that it refers to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = kind()
            sent = plain(model.properties_with_values(include_defaults=False, include_undefined=True))
            values = plain(model.properties_with_values(include_defaults=True, include_undefined=True))
            parts = model.references() if isinstance(model, Model) else []
            return sent, values, sorted(type(one).__name__ for one in parts)
        except (UnsetValueError, ValueError, RuntimeError, TypeError, AttributeError) as fault:
            return type(fault)


def test_every_kind_of_model_is_sent_and_read_as_bokeh_alone_does(ours: None, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = [one for one in Model.model_class_reverse_map.values() if one.__module__.startswith(("bokeh.", "panel."))]
    found = {kind: look(kind) for kind in kinds}
    assert len(kinds) > 400
    made = [one for one in found.values() if isinstance(one, tuple)]
    assert len(made) > 0.8 * len(kinds)  # the others want something from the beginning
    for owner, name, function in defaults.OWN:
        monkeypatch.setattr(owner, name, function)
    for kind in kinds:
        assert found[kind] == look(kind), kind


def test_an_empty_container_is_made_when_it_is_asked_for_and_what_is_put_in_stays(ours: None) -> None:
    button, heard = Button(), []
    assert not button._unstable_default_values.keys() & {"tags", "css_classes", "stylesheets", "js_event_callbacks"}
    button.on_change("tags", lambda _, old, new: heard.append((list(old), list(new))))
    button.tags.append("a")
    button.js_on_click(CustomJS())
    assert button.css_classes == []
    defaults.forget([button])
    assert "css_classes" not in button._unstable_default_values
    assert (button.tags, len(button.js_event_callbacks), heard) == (["a"], 1, [([], ["a"])])
    assert {type(one) for one in button.references()} == {Button, CustomJS}


def test_a_source_that_had_no_columns_takes_some_in_place_and_what_it_was_made_with_stays(ours: None) -> None:
    source = ColumnDataSource()
    chosen = source.selected
    defaults.forget([source])
    source.data["x"] = [1, 2]
    source.stream({"x": [3]})
    assert list(source.data["x"]) == [1, 2, 3]
    assert source.selected is chosen
    assert chosen in source.references()


def test_a_theme_still_rules_a_default(ours: None) -> None:
    button = Button()
    button.apply_theme({"label": "themed", "tags": ["t"]})
    assert (button.label, button.tags) == ("themed", ["t"])
    button.label = "own"
    button.apply_theme({})
    assert (button.label, button.tags) == ("own", [])


def test_a_page_that_was_made_keeps_no_empty_container(ours: None, open_tab: Any) -> None:
    document = Document()
    with set_curdoc(document):
        open_tab().template().server_doc(document, location=False)
    kept = [name for model in document.models for name in model._unstable_default_values if name in ("tags", "styles")]
    assert len(document.models) > 100
    assert kept == []
