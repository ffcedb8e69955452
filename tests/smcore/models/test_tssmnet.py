"""TsSMNet: sizes, form of the network, no leak, and what it learns."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from smcore.models import tssmnet
from smcore.models.arrays import Inputs, Task, TrainingData
from smcore.models.base import FitRun
from smcore.models.networks.tssmnet import TsSMNetNetwork
from smcore.models.series import features as series_features
from smcore.models.spec import WHOLE_RECORD
from smcore.models.vectors.tabular import LAYOUTS, Table


def parameters(network: torch.nn.Module) -> int:
    return sum(value.numel() for value in network.parameters())


def conv(inputs: int, outputs: int) -> int:
    return 3 * inputs * outputs + outputs + 2 * outputs


def test_the_network_has_fewer_than_a_hundred_thousand_parameters_and_as_many_as_its_layers():
    features = len(Table(LAYOUTS["tssmnet"], tssmnet.SPEC.inputs).names)
    network = tssmnet.TsSMNet(tssmnet.SPEC, tssmnet.CONFIGS["paper"])._build(features)
    encoder = conv(1, 64) + conv(64, 32) + conv(32, 16) + conv(16, 8)
    decoder = conv(8, 16) + conv(16, 32) + conv(32, 64) + 2 * (16 + 32 + 64)
    assert parameters(network) == encoder + decoder + 65 + 2 * features + 65 * 1 + 64 * (features + 1)
    assert features == 97
    assert parameters(network) == 23_836
    assert parameters(network) < 100_000


def test_the_demo_is_the_same_network_narrower():
    demo, paper = (tssmnet.TsSMNet(tssmnet.SPEC, tssmnet.CONFIGS[name])._build(97) for name in ("demo", "paper"))
    assert parameters(demo) < parameters(paper)
    assert [type(m) for m in demo.children()] == [type(m) for m in paper.children()]


def test_with_a_silent_decoder_only_the_outer_residual_is_left():
    network = TsSMNetNetwork(7, (4, 2), 5, 0.1).eval()
    torch.nn.init.zeros_(network.back.weight)
    torch.nn.init.zeros_(network.back.bias)
    x = torch.randn(3, 7, generator=torch.Generator().manual_seed(0))
    expected = network.head(network.normal(torch.relu(x)))[:, 0]
    torch.testing.assert_close(network(x), expected)


@pytest.mark.parametrize("channels", [(8, 4, 2), (4, 4), (3,)])
def test_without_gradients_norms_are_folded_into_convolutions_and_change_nothing(channels):
    torch.manual_seed(0)
    network = TsSMNetNetwork(9, channels, 5, 0.1)
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm1d):
            torch.nn.init.normal_(part.weight, 1.0, 0.3)
            torch.nn.init.normal_(part.bias, 0.0, 0.3)
    x = torch.randn(20, 9)
    for _ in range(2):  # the second time with other weights and statistics than those that were folded first
        network.train()
        network(3 * x + 1)
        with torch.no_grad():
            network.encoder[0][0].weight.mul_(1.5)
        network.eval()
        plain = network.both(x)
        with torch.inference_mode():
            quick = network.both(x)
        for a, b in zip(plain, quick, strict=True):
            torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


def test_the_decoder_adds_the_encoders_output_of_equal_width():
    network = TsSMNetNetwork(7, (4, 2), 5, 0.1).eval()
    x = torch.randn(3, 7, generator=torch.Generator().manual_seed(0))
    first = network.encoder[0](x[:, None])
    deep = network.decoder[0](network.encoder[1](first))
    again = network.back(network.merged[0](torch.relu(deep + first)))[:, 0]
    torch.testing.assert_close(network.both(x)[1], again)


def test_convolutions_run_along_the_features():
    network = TsSMNetNetwork(30, (4, 2), 5, 0.0).eval()
    x = torch.zeros(1, 30)
    moved = x.clone()
    moved[0, 20] = 1.0
    changed = (network.both(x)[1] - network.both(moved)[1]).abs()[0] > 0
    assert changed[20 - 3 : 20 + 4].any()
    assert not changed[: 20 - 3].any()


def world(places: int = 12, steps: int = 330) -> tuple[Inputs, np.ndarray]:
    """Locations of different wetness, of which the forcing says nothing; observed every other day or so."""
    rng = np.random.default_rng(0)
    spec = tssmnet.SPEC
    level = np.linspace(0.1, 0.4, places)
    truth = level + 0.03 * np.sin(np.arange(steps) / 58)[:, None]
    observed = np.where(rng.random(truth.shape) < 0.5, truth + rng.normal(0, 0.01, truth.shape), np.nan)
    dynamic = rng.uniform(280, 290, (steps, places, len(spec.named("dynamic"))))
    inputs = Inputs(
        time=np.datetime64("2018-01-01", "ns") + np.arange(steps) * np.timedelta64(1, "D"),
        dynamic=dynamic,
        static=np.ones((places, len(spec.named("static")))),
        lat=rng.permutation(np.linspace(30.0, 45.0, places)),
        lon=rng.permutation(np.linspace(-120.0, -80.0, places)),
        specs=spec.inputs,
        observed=observed,
    )
    return inputs, truth


def small(config: str = "demo") -> tssmnet.TsSMNet:
    model = tssmnet.build(config)
    model.config = dataclasses.replace(model.config, epochs=6, batch=128, most_steps=40, channels=(8, 4), head=16)
    return model


@pytest.fixture(scope="module")
def fitted():
    inputs, truth = world()
    model = small()
    model.fit(TrainingData(Task(inputs, inputs.observed)), FitRun(seed=3))
    return model, inputs, truth


def test_it_finds_the_level_of_a_pixel_in_its_series(fitted):
    model, inputs, truth = fitted
    error = model.predict(inputs)["sm"] - truth
    assert np.sqrt(np.mean(error**2)) < 0.5 * truth.std()


def test_an_observation_does_not_change_the_estimate_of_its_own_day(fitted):
    model, inputs, _ = fitted
    before = model.predict(inputs)["sm"]
    for step in (0, 77, 200):
        observed = inputs.observed.copy()
        observed[step] = 0.55
        after = model.predict(dataclasses.replace(inputs, observed=observed))["sm"]
        np.testing.assert_array_equal(after[step], before[step])
        assert (after != before).any()


def test_no_sample_it_learns_from_knows_its_own_label(fitted, monkeypatch):
    """The rows of day t are the same whatever was observed on t, in the drawing of samples too."""
    from smcore.models.vectors import samples

    _, inputs, _ = fitted
    table = Table(LAYOUTS["tssmnet"], inputs.specs)
    observed = inputs.observed.copy()
    step = 200
    observed[step] = np.where(np.isfinite(observed[step]), 0.5, np.nan)
    changed = dataclasses.replace(inputs, observed=observed)
    one, other = (
        samples.draw(table, Task(i, inputs.observed), 10**6, np.random.default_rng(0))[0] for i in (inputs, changed)
    )
    of_day = np.tile(np.arange(len(inputs.time))[:, None], inputs.observed.shape[1])
    days = of_day.T[np.isfinite(inputs.observed.T)]
    np.testing.assert_array_equal(one.x[days == step], other.x[days == step])
    assert (one.x[days == step + 8] != other.x[days == step + 8]).any()


def test_without_series_it_needs_no_observation_and_looks_at_the_past_only():
    model = tssmnet.build("no_series")
    assert not model.spec.sees_target
    assert (model.spec.history, model.spec.lookahead) == (29, 0)
    assert tssmnet.build().spec.lookahead == WHOLE_RECORD


def test_a_location_never_observed_borrows_its_features(fitted):
    model, inputs, _ = fitted
    observed = inputs.observed.copy()
    observed[:, 4] = np.nan
    result = model.predict(dataclasses.replace(inputs, observed=observed))["sm"]
    assert np.isfinite(result).all()
    assert model.donors is not None
    assert len(model.donors.lat) == 12
    assert model.donors.values.shape[1] == len(series_features.NAMES)


def test_days_without_any_forcing_have_no_estimate(fitted):
    model, inputs, _ = fitted
    dynamic = inputs.dynamic.copy()
    dynamic[5, 2] = np.nan
    dynamic[6, 2, 1:] = np.nan
    result = model.predict(dataclasses.replace(inputs, dynamic=dynamic))["sm"]
    assert np.isnan(result[5, 2])
    assert np.isfinite(result).sum() == result.size - 1


class Kept:
    """A checkpoint in memory that ends the run after some epochs."""

    def __init__(self, after: int) -> None:
        self.state, self.left = None, after

    def load(self):
        return self.state

    def save(self, arrays, notes) -> None:
        self.state = {name: np.array(a) for name, a in arrays.items()}, dict(notes)
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_a_killed_run_goes_on_to_the_same_weights(fitted):
    whole, inputs, _ = fitted
    kept, data = Kept(after=3), TrainingData(Task(inputs, inputs.observed))
    with pytest.raises(KeyboardInterrupt):
        small().fit(data, FitRun(seed=3, checkpoint=kept))
    resumed = small()
    resumed.fit(data, FitRun(seed=3, checkpoint=kept))
    for name, value in resumed.save().arrays.items():
        np.testing.assert_array_equal(value, whole.save().arrays[name], err_msg=name)


def test_what_the_demo_leaves_out_is_said():
    assert "channels (16, 8, 4) instead of (64, 32, 16, 8)" in tssmnet.build("demo").departures
    assert tssmnet.build("paper").departures == ()


def test_giving_the_features_back_can_be_part_of_the_loss():
    model = tssmnet.build("paper")
    model.config = dataclasses.replace(model.config, channels=(4, 2), head=5, reconstruction=0.1)
    network = model._build(7).eval()
    x, y = torch.randn(6, 7), torch.randn(6)
    estimate, again = network.both(x)
    expected = ((estimate - y) ** 2).mean() + 0.1 * ((again - x) ** 2).mean()
    torch.testing.assert_close(model._loss(network, x, y), expected)


def test_a_value_far_from_all_others_leads_the_network_no_further_than_five_deviations(fitted):
    model, inputs, _ = fitted
    dynamic = [inputs.dynamic.copy(), inputs.dynamic.copy()]
    warmth = [i.name for i in inputs.specs].index("air_temperature")
    for values, extreme in zip(dynamic, (1e4, 1e6), strict=True):
        values[100, :, warmth] = extreme
    one, other = (model.predict(dataclasses.replace(inputs, dynamic=values))["sm"] for values in dynamic)
    np.testing.assert_array_equal(one, other)
