"""CDF matching of a land-surface model to the satellite: location by location, or by one transfer for all."""

from __future__ import annotations

import numpy as np
import pytest

from smcore.models.arrays import Inputs, Task, TrainingData
from smcore.models.base import FitRun
from smcore.models.cdf_matched import CONFIGS, CdfMatched
from smcore.validation.scaling import scale


def record(model, observed, config="pixel"):
    steps, count = model.shape
    spec = CdfMatched(config).spec
    return Inputs(
        time=np.datetime64("2018-01-01", "ns") + np.arange(steps) * np.timedelta64(24 if spec.step == "1D" else 3, "h"),
        dynamic=model[..., None],
        static=np.empty((count, 0)),
        lat=np.zeros(count),
        lon=np.zeros(count),
        specs=spec.inputs,
        observed=observed if spec.sees_target else None,
    )


def fitted(model, observed, config="pixel"):
    inputs = record(model, observed, config)
    made = CdfMatched(config)
    made.fit(TrainingData(Task(inputs, observed)), FitRun())
    return made, inputs


def pairs(steps=600, cells=4, seed=0):
    rng = np.random.default_rng(seed)
    model = rng.beta(2, 3, (steps, cells)) * 0.5
    observed = 0.05 + 0.6 * model**1.5 + rng.normal(0, 0.01, model.shape)
    observed[rng.random(observed.shape) < 0.3] = np.nan
    return model.astype(np.float32), observed.astype(np.float32)


def test_each_location_is_matched_as_the_scaling_of_validation_matches_it():
    model, observed = pairs()
    made, inputs = fitted(model, observed)
    wanted = scale(model.T.astype(float), observed.T.astype(float), method="cdf").T
    np.testing.assert_allclose(made.predict(inputs)["sm"], np.clip(wanted, 0, 1), atol=1e-6)


def test_matched_values_have_the_percentiles_of_the_observations():
    model, observed = pairs(steps=3000)
    made, inputs = fitted(model, observed)
    sm = made.predict(inputs)["sm"]
    for share in (5, 10, 30, 50, 70, 90, 95):
        wanted = np.nanpercentile(observed, share, axis=0)
        np.testing.assert_allclose(np.percentile(sm, share, axis=0), wanted, atol=0.01)


def test_a_location_with_few_observations_gets_the_transfer_of_all():
    model, observed = pairs()
    made, inputs = fitted(model, observed)
    observed = observed.copy()
    observed[39:, 2] = np.nan
    few = made.predict(record(model, observed))["sm"]
    pooled, plain = fitted(*pairs(), "pooled")
    np.testing.assert_allclose(few[:, 2], pooled.predict(plain)["sm"][:, 2], atol=1e-6)
    np.testing.assert_array_equal(few[:, 0], made.predict(inputs)["sm"][:, 0])


def test_the_pooled_transfer_sees_no_observation_and_nothing_else_of_the_record():
    model, observed = pairs()
    made, inputs = fitted(model, observed, "pooled")
    assert not made.spec.sees_target
    assert made.spec.causal
    np.testing.assert_array_equal(made.predict(inputs.during(slice(50, 51)))["sm"], made.predict(inputs)["sm"][50:51])


def test_an_offset_and_a_range_are_taken_out_exactly():
    model, _ = pairs()
    made, inputs = fitted(model, (0.1 + 0.5 * model).astype(np.float32), "pooled")
    np.testing.assert_allclose(made.predict(inputs)["sm"], 0.1 + 0.5 * model, atol=1e-6)


@pytest.mark.parametrize("config", [c for c in CONFIGS if c.startswith("swvl1")])
def test_the_top_layer_of_era5_land_is_matched_every_three_hours(config):
    model, observed = pairs()
    made, inputs = fitted(model, observed, config)
    assert made.spec.inputs[0].name == "swvl1"
    assert made.spec.step == "3h"
    assert np.isfinite(made.predict(inputs)["sm"]).all()


def test_a_missing_model_value_gives_none():
    model, observed = pairs()
    made, _ = fitted(model, observed)
    model = model.copy()
    model[10, 1] = np.nan
    assert np.flatnonzero(np.isnan(made.predict(record(model, observed))["sm"])).tolist() == [10 * 4 + 1]


def test_a_constant_location_gets_the_transfer_of_all():
    model, observed = pairs()
    made, _ = fitted(model, observed)
    model = model.copy()
    model[:, 3] = 0.2
    assert np.isfinite(made.predict(record(model, observed))["sm"]).all()
