"""Every model keeps the contract: a new file in smcore/models is tested by these."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from smcore.inference.precision import BFLOAT16, Precision, computing, networks_of
from smcore.models.arrays import SITES, Inputs, Task, TrainingData
from smcore.models.base import FitRun, SoilMoistureModel
from smcore.models.card import ModelCard
from smcore.models.registry import build_model, model_ids, model_spec
from smcore.models.spec import ModelSpec
from smcore.models.vectors.model import VectorModel
from smcore.models.weights import load_checkpoint, save_checkpoint

STEPS, CELLS = 60, 6
SPATIAL_STEPS, SIDE = 20, 16
PHYSICAL = {
    "precipitation": (0, 20),
    "air_temperature": (265, 305),
    "surface_pressure": (9e4, 1.02e5),
    **dict.fromkeys(("lst", "lst_day", "lst_night", "skin_temperature", "soil_temperature", "dewpoint"), (265, 305)),
}


def steps_of(spec: ModelSpec) -> int:
    """Fewer steps for models that take whole rectangles."""
    return SPATIAL_STEPS if spec.spatial else STEPS


def make_inputs(spec: ModelSpec, seed: int = 0, steps: int = 0, cells: int = CELLS) -> Inputs:
    """Plausible random inputs for any model."""
    rng = np.random.default_rng(seed)
    steps = steps or steps_of(spec)
    count = SIDE * SIDE if spec.spatial else cells

    def draw(name: str, *shape: int) -> np.ndarray:
        low, high = PHYSICAL.get(name, (0.1, 0.9))
        return rng.uniform(low, high, shape)

    observed = rng.uniform(0.1, 0.4, (steps, count))
    observed[rng.random(observed.shape) < 0.5] = np.nan
    dynamic = [draw(i.name, steps, count) for i in spec.named("dynamic")]
    static = [draw(i.name, count) for i in spec.named("static")]
    return Inputs(
        time=np.datetime64("2019-06-01", "ns") + np.arange(steps) * np.timedelta64(24 if spec.step == "1D" else 3, "h"),
        dynamic=np.stack(dynamic, -1) if dynamic else np.empty((steps, count, 0)),
        static=np.stack(static, -1) if static else np.empty((count, 0)),
        lat=np.linspace(45, 35, count),
        lon=np.linspace(-100, -90, count),
        specs=spec.inputs,
        observed=observed if spec.sees_target else None,
        shape=(SIDE, SIDE) if spec.spatial else None,
    )


def make_data(spec: ModelSpec, seed: int = 0) -> TrainingData:
    inputs = make_inputs(spec, seed)
    rng = np.random.default_rng(seed + 1)
    target = rng.uniform(0.1, 0.4, (len(inputs.time), len(inputs.lat)))
    target[rng.random(target.shape) < 0.4] = np.nan
    if spec.spatial or spec.sees_target or spec.step != "1D":
        return TrainingData(Task(inputs, target))
    sites = dataclasses.replace(make_inputs(spec, seed + 2, cells=3), task=SITES)
    return TrainingData(Task(inputs, target), Task(sites, rng.uniform(0.1, 0.4, (len(sites.time), 3))))


def quick(model: SoilMoistureModel) -> SoilMoistureModel:
    """The same model, trained for a moment only: the contract is about shape, not skill."""
    config = getattr(model, "config", None)
    short: dict[str, object] = {"epochs": 1, "most_steps": 2, "hidden": 16, "trees": 4, "rounds": 4}
    if hasattr(config, "members"):
        short["members"] = tuple(dataclasses.replace(member, epochs=1) for member in config.members)
    if dataclasses.is_dataclass(config) and not isinstance(config, type):
        known = {f.name for f in dataclasses.fields(config)}
        model.config = dataclasses.replace(config, **{k: v for k, v in short.items() if k in known})
    return model


VARIANTS = {
    "pscnet": ("no_swvl", "plain_se", "dilated", "resampled", "demo_no_swvl"),
    **dict.fromkeys(("resnet", "unet", "vit"), ("pscnet_demo", "smsnet")),
    "lstm": ("pscnet_demo", "multiscale_lstm_demo", "tssmnet_demo"),
    "drcgan": ("causal",),
    "multiscale_lstm": ("demo_satellite", "demo_sites"),
}
"""Configurations that differ from a tested one by a number or a switch: tried by the slow tests."""


def case(model_id: str, config: str) -> object:
    """A configuration of a model, slow where it is only a variant."""
    is_variant = config in VARIANTS.get(model_id, ())
    return pytest.param((model_id, config), marks=pytest.mark.slow if is_variant else ())


CASES = [case(model_id, config) for model_id in model_ids() for config in model_spec(model_id).configs]


@pytest.fixture(params=CASES, ids=lambda case: "-".join(case), scope="module")
def fitted(request: pytest.FixtureRequest) -> tuple[str, str, SoilMoistureModel]:
    model_id, config = request.param
    model = quick(build_model(model_id, config))
    model.fit(make_data(model.spec), FitRun(seed=1))
    return model_id, config, model


def test_the_id_is_the_name_of_the_file_and_the_source_is_cited(fitted):
    model_id, _, model = fitted
    assert model.spec.id == model_id
    assert model.spec.title
    assert model.spec.citation


def test_every_input_is_in_its_unit_of_the_vocabulary(fitted):
    from smcore.names import VARIABLES

    for item in fitted[2].spec.inputs:
        if item.name in VARIABLES:
            assert item.units == VARIABLES[item.name].units, item.name


def test_a_prediction_has_a_value_for_every_step_and_location_as_float32(fitted):
    model = fitted[2]
    inputs = make_inputs(model.spec, seed=5)
    result = model.predict(inputs)
    assert set(result) == {name for name, _ in model.spec.outputs}
    assert result["sm"].shape == (len(inputs.time), len(inputs.lat))
    assert result["sm"].dtype == np.float32
    finite = result["sm"][np.isfinite(result["sm"])]
    assert finite.size > 0.5 * result["sm"].size
    assert ((finite >= -0.5) & (finite <= 1.5)).all()


def test_predicting_twice_gives_the_same_bytes(fitted):
    model = fitted[2]
    inputs = make_inputs(model.spec, seed=5)
    np.testing.assert_array_equal(model.predict(inputs)["sm"], model.predict(inputs)["sm"])


def test_the_same_seed_trains_the_same_model(fitted):
    model_id, config, model = fitted
    again = quick(build_model(model_id, config))
    again.fit(make_data(again.spec), FitRun(seed=1))
    inputs = make_inputs(model.spec, seed=5)
    np.testing.assert_allclose(again.predict(inputs)["sm"], model.predict(inputs)["sm"], atol=1e-6)


def test_a_location_does_not_depend_on_its_neighbours_in_the_batch(fitted):
    model = fitted[2]
    if model.spec.spatial:
        pytest.skip("works on patches: the tile test of inference covers it")
    inputs = make_inputs(model.spec, seed=5)
    whole = model.predict(inputs)["sm"]
    for location in (0, CELLS - 1):
        alone = model.predict(inputs.at(np.array([location])))["sm"][:, 0]
        np.testing.assert_allclose(alone, whole[:, location], atol=2e-6)


@pytest.mark.parametrize("kept", [(5, 9, 6, 13), (0, 4, 12, SIDE), (SIDE - 1, SIDE, 0, 1)])
def test_cells_that_are_kept_have_the_values_that_they_have_where_all_are(fitted, kept):
    model = fitted[2]
    if not model.spec.spatial:
        pytest.skip("needs no neighbours")
    inputs = make_inputs(model.spec, seed=5)
    holes = inputs.dynamic.copy()
    holes[3, 40:60] = np.nan
    inputs = dataclasses.replace(inputs, dynamic=holes)
    at = (slice(*kept[:2]), slice(*kept[2:]))
    whole, part = (
        model.predict(given)["sm"].reshape(-1, SIDE, SIDE)[:, *at]
        for given in (inputs, dataclasses.replace(inputs, kept=at))
    )
    np.testing.assert_allclose(part, whole, atol=1e-6)


def test_a_model_of_vectors_asked_at_some_places_answers_as_if_it_were_asked_everywhere(fitted):
    model = fitted[2]
    if not isinstance(model, VectorModel):
        pytest.skip("takes no single rows")
    inputs = make_inputs(model.spec, seed=5)
    wanted = np.random.default_rng(0).random((len(inputs.time), len(inputs.lat))) < 0.2
    some = model.predict_at(inputs, wanted)["sm"]
    np.testing.assert_allclose(some[wanted], model.predict(inputs)["sm"][wanted], atol=2e-6)
    assert np.isnan(some[~wanted]).all()


def test_in_bfloat16_results_are_finer_than_its_eight_bits(fitted):
    model = fitted[2]
    if not networks_of(model):
        pytest.skip("no network")
    inputs = make_inputs(model.spec, seed=5, cells=40)
    counts = []
    for precision in (Precision(), Precision(BFLOAT16)):
        with computing(precision, "cpu"):
            sm = model.predict(inputs)["sm"]
        counts.append(len(np.unique(sm[np.isfinite(sm)])))
    assert counts[1] > 0.4 * counts[0]  # with a last layer in bfloat16, a tenth


def test_a_missing_input_of_one_location_leaves_the_others_as_they_are(fitted):
    model = fitted[2]
    if model.spec.spatial:
        pytest.skip("works on patches: neighbours are meant to matter")
    inputs = make_inputs(model.spec, seed=5)
    dynamic, static = inputs.dynamic.copy(), inputs.static.copy()
    dynamic[:, 0], static[0] = np.nan, np.nan
    observed = None if inputs.observed is None else inputs.observed.copy()
    if observed is not None:
        observed[:, 0] = np.nan
    damaged = dataclasses.replace(inputs, dynamic=dynamic, static=static, observed=observed)
    np.testing.assert_allclose(model.predict(damaged)["sm"][:, 1:], model.predict(inputs)["sm"][:, 1:], atol=2e-6)


def test_what_comes_later_does_not_change_what_was_before(fitted):
    model = fitted[2]
    if model.spec.lookahead:
        pytest.skip("looks ahead, and says so")
    start = model.spec.reference
    rest = steps_of(model.spec)
    inputs = make_inputs(model.spec, seed=5, steps=start + rest)
    early = model.predict(inputs.during(slice(0, start + rest // 2)))["sm"]
    np.testing.assert_allclose(early, model.predict(inputs)["sm"][: start + rest // 2], atol=2e-6)


def test_steps_before_the_first_wanted_one_change_nothing_after_it_when_left_out(fitted):
    model = fitted[2]
    inputs = make_inputs(model.spec, seed=5)
    first = len(inputs.time) - 12
    late = model.predict(dataclasses.replace(inputs, first=first))["sm"][first:]
    np.testing.assert_allclose(late, model.predict(inputs)["sm"][first:], atol=0.02 if model.spec.reference else 2e-6)


def test_saving_and_loading_changes_nothing(fitted, tmp_path):
    model_id, config, model = fitted
    card = save_checkpoint(tmp_path, model, ModelCard(model_id, "test", config=config))
    loaded, read = load_checkpoint(tmp_path)
    assert read == card
    assert loaded.used == model.used
    inputs = make_inputs(model.spec, seed=5)
    np.testing.assert_array_equal(loaded.predict(inputs)["sm"], model.predict(inputs)["sm"])


@pytest.mark.gpu
def test_a_cuda_device_agrees_with_the_cpu(fitted):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    model = fitted[2]
    inputs = make_inputs(model.spec, seed=5)
    on_cuda, on_cpu = (model.predict(inputs, device=device)["sm"] for device in ("cuda", "cpu"))
    np.testing.assert_allclose(on_cuda, on_cpu, atol=1e-3)


def test_float16_weights_predict_nearly_the_same(fitted, tmp_path):
    model_id, config, model = fitted
    save_checkpoint(tmp_path, model, ModelCard(model_id, "test", config=config), half=True)
    loaded, card = load_checkpoint(tmp_path)
    assert card.weights_dtype == "float16"
    inputs = make_inputs(model.spec, seed=5)
    np.testing.assert_allclose(loaded.predict(inputs)["sm"], model.predict(inputs)["sm"], atol=5e-3)


def test_inputs_are_read_only_and_left_alone(fitted):
    model = fitted[2]
    inputs = make_inputs(model.spec, seed=5)
    before = inputs.dynamic.copy(), inputs.static.copy()
    model.predict(inputs)
    np.testing.assert_array_equal(inputs.dynamic, before[0])
    np.testing.assert_array_equal(inputs.static, before[1])
    with pytest.raises(ValueError, match="read-only"):
        inputs.static[...] = 0


def test_inputs_in_another_order_or_unit_are_refused(fitted):
    from smcore.errors import SpecMismatch

    model = fitted[2]
    if len(model.spec.named("dynamic")) < 2:
        pytest.skip("has no forcing")
    inputs = make_inputs(model.spec, seed=5)
    first, second, *rest = inputs.specs
    with pytest.raises(SpecMismatch, match="was trained with"):
        model.predict(dataclasses.replace(inputs, specs=(second, first, *rest)))
    with pytest.raises(SpecMismatch, match="was trained with"):
        model.predict(dataclasses.replace(inputs, specs=(dataclasses.replace(first, units="furlong"), second, *rest)))
