"""Trees: kept as arrays or bytes, walked as scikit-learn and xgboost would, refused when damaged."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor

from smcore.errors import Cancelled, WeightsError
from smcore.models import gradient_boosting, random_forest
from smcore.models.arrays import Inputs, Task, TrainingData
from smcore.models.base import FitRun, ModelState
from smcore.models.kernels import forest
from smcore.models.registry import build_model, model_spec


def make_data(config: str = "multiscale_lstm", places: int = 30, steps: int = 120) -> TrainingData:
    """Soil moisture that follows the rain of a week and the sand."""
    rng = np.random.default_rng(0)
    spec = build_model("random_forest", config).spec
    dynamic = rng.gamma(0.5, 8, (steps, places, len(spec.named("dynamic"))))
    static = rng.uniform(0, 100, (places, len(spec.named("static"))))
    week = np.stack([np.convolve(dynamic[:, p, 0], np.ones(7) / 7)[:steps] for p in range(places)], axis=1)
    inputs = Inputs(
        time=np.datetime64("2019-03-01", "ns") + np.arange(steps) * np.timedelta64(1, "D"),
        dynamic=dynamic,
        static=static,
        lat=rng.uniform(30, 45, places),
        lon=rng.uniform(-120, -80, places),
        specs=spec.inputs,
    )
    sand = static[:, [i.name for i in spec.named("static")].index("sand")]
    return TrainingData(Task(inputs, 0.35 - 0.002 * sand + 0.05 * np.tanh(week / 4)))


def small(model_id: str, config: str = "multiscale_lstm", **more: int):
    model = build_model(model_id, config)
    model.config = dataclasses.replace(model.config, **more)
    return model


@pytest.fixture(scope="module")
def data():
    return make_data()


@pytest.fixture(scope="module")
def grown(data):
    model = small("random_forest", trees=20, drawn=2000)
    model.fit(data, FitRun(seed=1))
    return model


@pytest.fixture(scope="module")
def boosted(data):
    model = small("gradient_boosting", rounds=80)
    model.fit(data, FitRun(seed=1))
    return model


def test_a_walk_through_the_arrays_is_what_scikit_learn_predicts():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(3000, 6)).astype(np.float32)
    x[:, 0] = np.round(x[:, 0], 1)  # many ties
    y = x[:, 0] * x[:, 1] + rng.normal(0, 0.1, len(x))
    theirs = RandomForestRegressor(12, min_samples_leaf=3, random_state=0).fit(x, y)
    roots, nodes, numbers = random_forest._packed([tree.tree_ for tree in theirs.estimators_])
    out = np.empty(len(x), np.float32)
    forest.walk(x, roots, nodes, numbers, out)
    np.testing.assert_allclose(out, theirs.predict(x), atol=2e-6)


def test_a_threshold_between_two_float32_sends_both_where_float64_does():
    near = np.float32(0.1)
    above = np.nextafter(near, np.float32(1))
    middle = (np.float64(near) + np.float64(above)) / 2
    found = random_forest._below(np.array([middle, np.float64(near), np.float64(above)])).astype(np.float32)
    assert found.tolist() == [near, near, above]


@pytest.mark.parametrize("name", ["grown", "boosted"])
def test_it_learns_what_a_week_of_rain_and_the_sand_say(name, data, request):
    model, task = request.getfixturevalue(name), data.satellite
    error = model.predict(task.inputs)["sm"] - task.target
    assert np.sqrt(np.mean(error**2)) < 0.4 * task.target.std()


def test_the_forest_is_kept_in_leaves_of_at_least_five_samples(grown):
    arrays = grown.save().arrays
    assert set(arrays) == {"roots", "nodes", "numbers"}
    assert len(arrays["roots"]) == 20
    assert len(arrays["numbers"]) < 20 * 2 * 2000 / 5
    assert all(array.dtype.kind in "iu" for array in arrays.values())


@pytest.mark.parametrize(
    "damage",
    [
        {"nodes": lambda a: np.where(a > 5, 10**6, a)},
        {"nodes": lambda a: np.where(np.arange(len(a))[:, None] > 3, 0, a)},
        {"nodes": lambda a: a[:-3]},
        {"numbers": lambda a: a.astype(np.float32)},
        {"roots": lambda a: a - 5},
    ],
    ids=["out of the arrays", "in circles", "cut off", "another kind", "before the first"],
)
def test_damaged_trees_are_refused_before_they_are_walked(grown, damage):
    state = grown.save()
    arrays = {name: damage[name](a) if name in damage else a for name, a in state.arrays.items()}
    with pytest.raises(WeightsError, match="not of a random_forest"):
        build_model("random_forest", "multiscale_lstm").load(ModelState(arrays, state.settings))


def test_boosting_keeps_the_trees_up_to_the_best_one_as_bytes(data, boosted):
    records = []
    again = small("gradient_boosting", rounds=80)
    again.fit(data, FitRun(seed=1, log=records.append))
    kept = records[-1]["trees"]
    assert boosted.trees.num_boosted_rounds() == kept <= 80
    content = boosted.save().arrays["trees"]
    assert content.dtype == np.uint8
    np.testing.assert_array_equal(content, again.save().arrays["trees"])


def test_boosting_ends_when_the_samples_kept_back_gain_nothing():
    data = make_data()
    noise = np.random.default_rng(5).uniform(0.1, 0.4, data.satellite.target.shape)
    records = []
    model = small("gradient_boosting", rounds=300, patience=5)
    model.fit(TrainingData(Task(data.satellite.inputs, noise)), FitRun(log=records.append))
    assert records[-1]["trees"] < 100


def test_broken_bytes_are_no_trees(boosted):
    state = boosted.save()
    broken = {"trees": state.arrays["trees"][: len(state.arrays["trees"]) // 2]}
    with pytest.raises(WeightsError, match="not of a gradient_boosting"):
        build_model("gradient_boosting", "multiscale_lstm").load(ModelState(broken, state.settings))


def test_trees_of_other_columns_are_refused(boosted):
    state = boosted.save()
    other = build_model("gradient_boosting", "multiscale_lstm")
    fewer = {**state.settings, "inputs": state.settings["inputs"][1:]}
    with pytest.raises(WeightsError, match="columns"):
        other.load(ModelState(state.arrays, fewer))


@pytest.mark.parametrize("model_id", ["random_forest", "gradient_boosting"])
def test_a_request_to_stop_is_heard_between_trees(model_id, data):
    asked = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 3

    with pytest.raises(Cancelled):
        small(model_id).fit(data, FitRun(cancelled=cancelled))


@pytest.mark.parametrize("module", [random_forest, gradient_boosting])
def test_every_configuration_is_named_after_its_inputs_and_says_its_cap(module):
    for config in module.SPEC.configs:
        model = module.build(config)
        assert model.config.layout == config
        assert str(model.config.most_samples) in " ".join(model.departures)
    assert model_spec(module.SPEC.id) is module.SPEC


def test_threads_follow_the_limit_of_other_libraries(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert gradient_boosting.threads() == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert gradient_boosting.threads() >= 1
