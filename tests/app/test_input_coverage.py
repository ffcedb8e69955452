"""The inputs of a model before it is run: what is short comes first, missing days have names, a row is a map."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tiny import make_systems

from app.session import Session
from app.settings import Settings

BOX = "-104,34,-102,36"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up world with weights."""
    return make_systems(tmp_path_factory.mktemp("inputs"))


@pytest.fixture
def tab(world: Path, tmp_path: Path) -> Callable[..., Session]:
    settings = Settings(catalogs=(world,), writable_catalog=tmp_path / "own.yml", jobs=tmp_path / "jobs")
    return lambda **query: Session(settings, {"place": "infer", "product": "smap-36", "box": BOX} | query)


def test_days_that_the_data_do_not_have_are_named_and_the_short_inputs_come_first(tab: Callable[..., Session]) -> None:
    session = tab(model="smsnet-demo")
    card = session.infer.inputs
    assert card.found is not None
    end = str(card.found.time[-1].astype("datetime64[D]"))
    late = str(card.found.time[-1].astype("datetime64[D]") + 3)
    session.selection.param.update(start=end, end=late)
    found = card.found
    assert found is not None
    dynamic = [one for one in found.inputs if one.input.role == "dynamic"]
    assert [one.absent_steps for one in dynamic] == [3] * len(dynamic)
    assert found.complete.max() == pytest.approx(0.25)
    html = card.list.object
    assert f"nothing on 3 steps: {card.found.time[1]!s:.10} to {late}" in html
    assert html.index("25.0 %") < html.index("100 %")


def test_a_row_puts_its_share_on_the_map_and_takes_it_away_and_the_link_keeps_it(tab: Callable[..., Session]) -> None:
    session = tab(model="smsnet-demo")
    card = session.infer.inputs
    assert card.preview() is None
    card.choose("all")
    shown = card.preview()
    assert shown is not None
    assert shown.field.shape == (1, *shown.grid.shape)
    assert "inputs=all" in session.link()
    again = tab(model="smsnet-demo", inputs="all")
    assert again.infer.inputs.preview() is not None
    assert 'aria-pressed="true"' in again.infer.inputs.list.object
    card.choose("all")
    assert card.preview() is None
    assert tab(model="smsnet-demo", inputs="no_such_input").infer.inputs.preview() is None


def test_without_a_box_nothing_is_said_and_a_box_beside_the_data_has_a_sentence(tab: Callable[..., Session]) -> None:
    session = tab(model="smsnet-demo")
    session.selection.box = None
    assert session.infer.inputs.list.object == ""
    session.selection.box = (100.0, 10.0, 101.0, 11.0)
    assert "misses the data" in session.infer.inputs.list.object
