"""What bokeh works out for each model of a page, worked out once for each kind of model; a page has two hundred.

Bokeh gives every new model a list, dictionary or set of its own for each property that has none yet, eight of them for
a button, and keeps them all for as long as the tab is open: a third of a tab's memory. It sends none of them. Here they
are made when somebody asks, and let go of when the page was made or sent (:func:`forget`). A default that never changes
(a number, a name) is checked once and not at each reading. What is changed is private in bokeh;
tests/app/page/test_defaults.py holds every kind of model beside bokeh's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import bokeh.model.util as model_util
from bokeh.core.has_props import HasProps
from bokeh.core.property.descriptors import PropertyDescriptor
from bokeh.core.property.singletons import Undefined
from bokeh.core.property.wrappers import PropertyValueContainer

_MARK = "_loam_knows_defaults"
OWN: tuple[tuple[Any, str, Any], ...] = tuple(
    (owner, name, vars(owner)[name])
    for owner, names in (
        (PropertyDescriptor, ("has_unstable_default", "_get_default")),
        (HasProps, ("themed_values", "_overridden_defaults")),
        (model_util, ("visit_immediate_value_references",)),
    )
    for name in names
)
"""What is changed, as bokeh has it."""
_FIXED = (str, int, float, bool, type(None))
_NONE = object()


def install() -> None:
    """Make models so from now on; once is enough."""
    if not hasattr(PropertyDescriptor, _MARK):
        _ask_once(PropertyDescriptor, HasProps)
        _visit_what_is_set(model_util)
        setattr(PropertyDescriptor, _MARK, True)


def forget(models: Iterable[HasProps]) -> None:
    """Let go of the empty containers that were made to be looked at: the next who asks gets new ones.

    So nobody may keep ``model.tags`` from one message to the next and add to it then: assign a new list.
    """
    for model in models:
        values = model._unstable_default_values
        for name in _made_anew(model.__class__) & values.keys():
            if isinstance(values[name], PropertyValueContainer):  # one that was changed is a value, and not here
                del values[name]


def _ask_once(descriptor: type[Any], has_props: type[Any]) -> None:
    read = descriptor._get_default

    def is_made_anew(self: Any, model: Any) -> bool:
        kind: Any = type(model)
        return self.name in _made_anew(kind) and (model._initialized or self.name not in _empty(kind))

    def default(self: Any, model: Any) -> Any:
        themed = model.themed_values()
        if themed is None or self.name not in themed:
            fixed = _fixed(model.__class__).get(self.name, _NONE)
            if fixed is not _NONE:
                return fixed
        return read(self, model)

    descriptor.has_unstable_default, descriptor._get_default = is_made_anew, default
    has_props.themed_values = lambda self: vars(self).get("__themed_values__")
    overridden: Any = cache(has_props._overridden_defaults.__func__)
    has_props._overridden_defaults = classmethod(overridden)


def _visit_what_is_set(module: Any) -> None:
    """Look for the parts of a model only where there can be any: each is asked five times while a page is made."""
    visit_value = module.visit_value_and_its_immediate_references

    def visit(value: Any, visitor: Any) -> None:
        if not isinstance(value, HasProps):
            visit_value(value, visitor)
            return
        bare = _bare(value.__class__)
        themed = value.themed_values() or ()
        for name in value.properties_with_refs():
            if name not in bare or name in value._property_values or name in themed:
                visit_value(getattr(value, name), visitor)

    module.visit_immediate_value_references = visit


@cache
def _bare(kind: Any) -> frozenset[str]:
    """Properties that refer to no other model until they are set."""
    return frozenset(name for name in _empty(kind) if not _plain(kind, name)) | _fixed(kind).keys()


@cache
def _made_anew(kind: Any) -> frozenset[str]:
    """Properties of which each model has a default of its own."""
    overridden = kind._overridden_defaults()
    return frozenset(
        one.name
        for one in _descriptors(kind)
        if one.property._may_have_unstable_default() or one.is_unstable(overridden.get(one.name))
    )


def _descriptors(kind: Any) -> list[Any]:
    """Without those that are other names of others."""
    return [one for one in kind.descriptors() if isinstance(one, PropertyDescriptor)]


def _plain(kind: Any, name: str) -> Any:
    """The default of a property, where nothing has to be called for it."""
    descriptor, overridden = kind.lookup(name), kind._overridden_defaults()
    given = overridden[name] if name in overridden else descriptor.property._raw_default(no_eval=True)
    return _NONE if callable(given) or given is Undefined else descriptor.class_default(kind)


@cache
def _empty(kind: Any) -> frozenset[str]:
    """Of these, containers that nothing was put into: what bokeh makes and does not send."""
    return frozenset(name for name in _made_anew(kind) if isinstance(_plain(kind, name), PropertyValueContainer))


@cache
def _fixed(kind: Any) -> dict[str, Any]:
    """Defaults that are the same for all models of a kind."""
    names = (one.name for one in _descriptors(kind) if one.name not in _made_anew(kind))
    plain = ((name, _plain(kind, name)) for name in names)
    return {name: value for name, value in plain if type(value) in _FIXED}
