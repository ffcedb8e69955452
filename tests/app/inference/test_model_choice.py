"""What a model can be run on: the five systems on the data of the demo world, and why others can't be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tiny import TRAINED_ON, Tiny, make_systems

from app.inference import model_choice
from app.inference.model_choice import Choice
from app.selection import Selection
from app.store import Store
from smcore.errors import SpecMismatch
from smcore.models.card import ModelCard
from smcore.models.spec import InputSpec


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Inputs and cards of all five systems; tests read it and never write to it."""
    return make_systems(tmp_path_factory.mktemp("systems"))


@pytest.fixture
def store(world: Path) -> Store:
    return Store(Selection(product="smap-36"), [world])


def chosen(store: Store, model: str) -> Choice:
    return next(c for c in model_choice.choices(store.catalog) if c.model == model)


def taken(store: Store, model: str, wanted: str = "") -> set[tuple[str, str]]:
    one = chosen(store, model)
    return set(model_choice.pairs_of(model_choice.settled(one, model_choice.slots(one, store), wanted, store)))


@pytest.mark.parametrize("model", sorted(TRAINED_ON))
def test_each_system_is_run_on_what_it_was_trained_on(store: Store, model: str) -> None:
    reads_target = chosen(store, model).sees_target
    expected = {(role, i) for role, i in TRAINED_ON[model].items() if role != "target" or reads_target}
    assert taken(store, model) == expected


def test_other_data_that_fit_can_be_chosen_instead(store: Store) -> None:
    one = chosen(store, "smsnet")
    (slot,) = model_choice.slots(one, store)
    assert [o.entry.id for o in slot.offers] == ["optical-9", "optical-1"]
    assert taken(store, "smsnet", "forcing=optical-1") == {("forcing", "optical-1"), ("static", "optical-1")}
    assert taken(store, "smsnet", "forcing=nowhere") == taken(store, "smsnet")


def test_a_model_is_no_choice_for_inputs_of_another_step(store: Store) -> None:
    (slot,) = model_choice.slots(chosen(store, "pscnet"), store)
    assert [o.entry.id for o in slot.offers] == ["land-3h"]
    daily = Choice("x", "pscnet", "x", ModelCard("pscnet", "x"), chosen(store, "smsnet").inputs, "3h")
    with pytest.raises(SpecMismatch, match=r"it needs lst \[K\], .*nbar 1–7, which no data set at hand has"):
        model_choice.slots(daily, store)


def test_a_missing_input_is_named_with_its_unit(tiny: Tiny) -> None:
    inputs = (InputSpec("precipitation", "mm d-1"),)
    ridge = Choice("r", "ridge", "Ridge", ModelCard("ridge", "Ridge"), inputs)
    with pytest.raises(SpecMismatch, match=r"it needs precipitation \[mm d⁻¹\], which no data set at hand has"):
        model_choice.slots(ridge, Store(Selection(), [tiny.file]))


def test_an_input_in_another_unit_is_missing(store: Store) -> None:
    inputs = (InputSpec("precipitation", "kg m-2 s-1"),)
    with pytest.raises(SpecMismatch, match="precipitation"):
        model_choice.slots(Choice("r", "ridge", "Ridge", ModelCard("ridge", "Ridge"), inputs), store)


def test_inputs_of_several_data_sets_are_put_together(store: Store) -> None:
    inputs = tuple(InputSpec(*i) for i in (("lst", "K"), ("ndvi", "1"), ("organic_carbon", "g kg-1", "static")))
    both = Choice("x", "ridge", "x", ModelCard("ridge", "x"), inputs)
    (slot,) = model_choice.slots(both, store)
    assert {i for role, i in slot.offers[0].pairs if role == "forcing"} == {"optical-9", "land-9"}
    assert ("static", "land-9") in slot.offers[0].pairs


def test_the_five_systems_are_listed_first_even_without_weights(tiny: Tiny) -> None:
    store = Store(Selection(), [tiny.file])
    found = model_choice.choices(store.catalog)
    assert [c.model for c in found][:5] == ["smsnet", "drcgan", "pscnet", "tssmnet", "multiscale_lstm"]
    assert not any(c.has_weights for c in found[:5])
    with pytest.raises(SpecMismatch, match="no weights are at hand; make them with: loam train smsnet"):
        model_choice.slots(found[0], store)


def test_models_that_learn_nothing_use_the_product_on_the_map(tiny: Tiny) -> None:
    store = Store(Selection(product="fine"), [tiny.file])
    assert taken(store, "spline") == {("target", "fine")}
    store.selection.product = "coarse"
    assert taken(store, "spline") == {("target", "coarse")}


def test_synthetic_weights_on_real_data_are_a_demonstration(tmp_path: Path) -> None:
    real = Store(Selection(), [make_systems(tmp_path, synthetic=False)])
    one = chosen(real, "smsnet")
    given = model_choice.settled(one, model_choice.slots(one, real), "", real)
    assert model_choice.is_demonstration(one, model_choice.entries_of(given, real.catalog))
    assert not model_choice.is_demonstration(chosen(real, "spline"), [real.catalog.get("smap-9")])


def test_the_days_that_all_data_have_are_found(store: Store) -> None:
    entries = [store.catalog.get(i) for i in ("optical-1", "smap-9")]
    assert model_choice.common_period(entries) == ("2018-01-01", "2018-01-05")
    assert model_choice.common_period([]) is None


def test_listing_the_models_loads_no_network(world: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from app.inference.model_choice import choices, slots\n"
        "from app.store import Store; from app.selection import Selection\n"
        "from app.views.infer.model_card import page\n"
        f"store = Store(Selection(), [Path({str(world)!r})])\n"
        "found = choices(store.catalog); [slots(c, store) for c in found]; [page(c) for c in found]\n"
        "print([m for m in ('torch', 'xgboost', 'sklearn', 'numba') if m in sys.modules])"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == "[]"
