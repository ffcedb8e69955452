"""The page around the views: places, theme, link, the error boundary, and nothing that computes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import panel as pn

from app.page import defaults, language, slim, tour
from app.page.boundary import follow, guarded, together
from app.page.controls import ASSETS, styled
from app.page.language import mark, tr
from app.selection import Selection

LABELS = {
    mark("Explore"): "explore",
    mark("Infer"): "infer",
    mark("Validate"): "validate",
    mark("Stations"): "stations",
    mark("Figures"): "figures",
}
ROOTS = (
    "places", "tools", "layers", "card", "map", "range", "time", "drawer", "results", "inspector", "sheet", "caption",
    "figure", "compare", "beside1", "beside2", "beside3", "hovmoller", "hovmoller_card", "queue",
)  # fmt: skip

STYLED = ("theme", "place", "compare", "hovmoller")
"""What of the selection the style sheet goes by."""

_ANEW = """
const models = window.Bokeh.documents.flatMap((one) => [...one._all_models.values()]);
const text = (one) => one.value_input || (one.tags.includes("filled") ? one.value : "");
const typed = models.some((one) => one.tags?.includes("unsent") && text(one)?.trim());
if (cb_obj.value === spoken) return;
if (typed && !confirm(lost)) { cb_obj.value = spoken; return; }
setTimeout(() => { // once the link has what else has changed
  const at = new URL(location.href); at.searchParams.set("lang", cb_obj.value); location.assign(at);
}, 0);
"""


@cache
def _page() -> str:
    return (ASSETS / "page.html").read_text(encoding="utf-8")


def places(selection: Selection) -> Any:
    """The choice between the places."""
    group = styled(
        pn.widgets.RadioButtonGroup(
            options={tr(label): place for label, place in LABELS.items()}, value=selection.place, margin=0
        )
    )
    group.param.watch(lambda e: setattr(selection, "place", e.new), "value")
    selection.param.watch(lambda e: setattr(group, "value", e.new), "place")
    return group


def page_channel(selection: Selection, title: Callable[[], str]) -> Any:
    """A hidden input through which the page learns what its style sheet goes by, and what the tab is called."""

    def told() -> str:
        return json.dumps({"data": {name: getattr(selection, name) for name in STYLED}, "title": title()})

    widget = slim.TextInput(value=told(), visible=False, tags=["page"])
    widget.jscallback(
        value="const told = JSON.parse(cb_obj.value); document.title = told.title;"
        "Object.assign(document.documentElement.dataset, told.data);"
    )
    follow(selection, [*STYLED, "run", "sensor", "product"], lambda: setattr(widget, "value", told()))
    return widget


def language_channel(selection: Selection) -> Any:
    """A hidden input through which a change of language opens the page anew: all of it is said in one language.

    What is chosen is in the link. What was typed and not sent is not: then the user is asked, and may stay.
    """
    spoken = language.current()
    widget = slim.TextInput(value=spoken, visible=False, tags=["language"])
    lost = json.dumps(tr("What was typed and is not kept yet would be lost: change the language all the same?"))
    widget.jscallback(value=f"const spoken = {json.dumps(spoken)}, lost = {lost}; {_ANEW}")
    selection.param.watch(lambda e: setattr(widget, "value", e.new) if e.new not in ("", spoken) else None, "language")
    widget.param.watch(lambda e: setattr(selection, "language", spoken) if e.new == spoken else None, "value")
    return widget


def key_channel(actions: Mapping[str, Callable[[], Any]]) -> Any:
    """A hidden input through which keys.js names the actions of keys."""
    return _channel("keys", lambda name: actions[name]() if name in actions else None)


def link_channel(actions: Mapping[str, Callable[[str], Any]]) -> Any:
    """A hidden input through which keys.js says which ``data-open="what:which"`` of a table was clicked."""

    def act(name: str) -> None:
        what, _, which = name.partition(":")
        if what in actions:
            actions[what](which)

    return _channel("links", act)


def _channel(tag: str, act: Callable[[str], Any]) -> Any:
    """A hidden input that holds the last acts, numbered, one a line: each is done once and in order.

    Panel keeps the last value alone of an input that changes twice before it is read, as when the server is busy. So
    each value repeats the acts before it.
    """
    widget = slim.TextInput(visible=False, tags=[tag])
    done = 0

    def read(event: Any) -> None:
        nonlocal done
        listed = (line.rpartition(" ")[::2] for line in str(event.new).splitlines())
        for name, number in [(name, int(number)) for name, number in listed if number.isdecimal()]:
            if number > done:
                done = number
                guarded(act)(name)

    widget.param.watch(together(read), "value")
    return widget


class _Page(pn.Template):
    """A page whose text form is short: Panel renders the whole tree as text at each root that is added."""

    def __repr__(self) -> str:
        return "Loam"

    def server_doc(self, doc: Any = None, title: Any = None, location: Any = True) -> Any:
        """Fill the document with its models counted once: bokeh would count all of them anew for each root."""
        document = doc or pn.state.curdoc
        with document.models.freeze(), slim.unswept():
            made = super().server_doc(document, title, location)
        defaults.forget(document.models)
        return made


def template(selection: Selection, roots: dict[str, Any], *, is_desk: bool = False, title: str = "Loam") -> pn.Template:
    """Fill the page; ``is_desk`` says whether it opens on the review of a run."""
    page = _Page(_page())
    spoken = language.current()
    page.add_variable("lang", language.TAGS[spoken])
    page.add_variable("tr", partial(language.translate, spoken))
    page.add_variable("messages", language.for_scripts(spoken))
    page.add_variable("theme", selection.theme)
    page.add_variable("place", selection.place)
    page.add_variable("page_title", title)
    page.add_variable("desk", "on" if is_desk else "")
    page.add_variable("tour", tour.as_json())
    page.add_variable("compare_mode", selection.compare)
    page.add_variable("hovmoller_of", selection.hovmoller)
    page.add_variable("embed_alone", "yes" if selection.embed else "no")
    for name in ROOTS:
        page.add_panel(name, roots[name])
    page.location = True
    page.add_panel("notifications", pn.state.notifications or slim.Column())
    return page
