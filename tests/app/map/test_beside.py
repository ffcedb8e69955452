"""Products beside the one on the map: the same moment, the same place, and equal colours mean equal values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from tiny import Tiny

from app.map.beside import Beside
from app.session import Session
from app.store import Store
from smcore.cubes.store import open_store
from smcore.maps import fitted, paint, plan


def test_a_product_beside_is_painted_in_the_range_of_the_map(store: Store) -> None:
    store.selection.param.update(compare="side", colour_range=(0.1, 0.3), time="2018-01-20")
    (entry,) = Beside(store).entries()
    assert entry.id == "fine"
    view = fitted(store.grid(store.entry).bbox, 300, 200)
    panel = Beside(store).panel(entry, view)
    assert (panel.low, panel.high) == (0.1, 0.3)
    assert panel.step.startswith("2018-01-20")
    field = open_store(entry.location).dataset()["sm"].sel(time="2018-01-20").to_numpy().squeeze()
    gather = plan(store.grid(entry), view)
    np.testing.assert_array_equal(panel.frame.codes, paint(field[gather.rows, gather.columns], gather, 0.1, 0.3))


def test_a_product_without_a_step_then_is_empty_and_says_so(store: Store) -> None:
    store.selection.param.update(compare="side", time="2021-05-05")
    panel = Beside(store).panel(Beside(store).entries()[0], fitted(store.grid(store.entry).bbox, 60, 40))
    assert not panel.frame.codes.any()
    assert panel.step.startswith("no step then; nearest 2018-")


def test_a_range_of_another_quantity_is_not_taken_over(store: Store) -> None:
    store.selection.param.update(compare="side", minus="fine", colour_range=None)
    entry = Beside(store).entries()[0]
    view = fitted(store.grid(store.entry).bbox, 60, 40)
    plain = Beside(store).panel(entry, view)
    assert plain.low >= 0.0, "the difference's range is symmetric"


def test_a_formula_lends_its_range_to_no_product(store: Store) -> None:
    store.selection.param.update(compare="side", expression="a - a", colour_range=None)
    entry = Beside(store).entries()[0]
    panel = Beside(store).panel(entry, fitted(store.grid(store.entry).bbox, 60, 40))
    assert panel.low >= 0.0, "the formula's range is symmetric"


def test_as_many_stand_beside_as_the_mode_has_room_for(store: Store) -> None:
    assert Beside(store).entries() == []
    store.selection.compare = "four"
    assert [e.id for e in Beside(store).entries()] == ["fine"], "there is only one other product"
    store.selection.param.update(compare="swipe", beside="gone,fine")
    assert [e.id for e in Beside(store).entries()] == ["fine"]
    store.selection.product = "fine"
    assert [e.id for e in Beside(store).entries()] == ["coarse"]


def test_maps_are_made_when_they_are_needed_and_share_the_main_ones_ranges(
    open_tab: Callable[..., Session], tiny: Tiny
) -> None:
    session = open_tab(product="coarse")
    assert session.compare.panels == []
    session.selection.compare = "four"
    assert len(session.compare.panels) == 3
    for panel in session.compare.panels:
        assert panel.figure.x_range is session.map.figure.x_range
    first = session.compare.panels[0]
    assert first.source.data["image"][0].size > 1
    assert first.picker.product.value == "fine"
    session.selection.compare = "swipe"
    swipe = session.compare.swipe
    assert swipe is not None
    whole, half = (source.data["image"][0] for source in (swipe.whole, swipe.shown))
    assert whole.size > 1
    np.testing.assert_array_equal(half, whole[:, whole.shape[1] // 2 :])  # the first picture is there before its marks
    assert swipe.cover.data["left"] == swipe.shown.data["x"]
    assert "Observed-like 36 km" in session.compare.name.object, "the map's own product has a name too"
    session.selection.compare = ""
    assert swipe.whole.data["image"][0].size == 1
    assert session.compare.name.object == ""
