"""DrcGAN: sizes, receptive field, what it may see, its losses, and a training that goes on after a kill."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from smcore.errors import ModelError
from smcore.models.arrays import Inputs, Task, TrainingData
from smcore.models.base import FitRun
from smcore.models.cycle import losses
from smcore.models.cycle.patches import Record, Samples
from smcore.models.drcgan import CONFIGS, SPEC, DrcGan
from smcore.models.learning.normalise import Statistics
from smcore.models.networks.drcgan import Degeneration, Discriminator, Generator, ReplayPool, reach
from smcore.models.series.gap_neighbours import around, guess, pooled_curves

TINY = dataclasses.replace(
    CONFIGS["demo"], hidden=6, blocks=1, judge=4, epochs=4, warm_epochs=2, decay_from=3, most_steps=3, batch=2, patch=16
)


def world(height=20, width=24, steps=70, seed=0, sea=3, moves=1.0):
    """A drifting truth on a rectangle with sea in the west: the model has a bias, the satellite gaps and noise."""
    rng = np.random.default_rng(seed)
    count = height * width
    days = np.cumsum(rng.normal(0, 0.02, (steps, 1)), axis=0)
    truth = np.clip(0.25 + days + 0.05 * rng.normal(size=(1, count)), 0.05, 0.5)
    static = rng.uniform(0, 1, (count, 4))
    model = truth + (moves - 1) * days + 0.05 * (static[:, 0] - 0.5)
    observed = truth + rng.normal(0, 0.02, truth.shape)
    stripe = (np.arange(count) % width // 4 + np.arange(steps)[:, None]) % 3
    observed[stripe > 0] = np.nan
    observed[rng.random(observed.shape) < 0.1] = np.nan
    west = np.arange(count) % width < sea
    model[:, west], observed[:, west] = np.nan, np.nan
    inputs = Inputs(
        time=np.datetime64("2018-03-01", "ns") + np.arange(steps) * np.timedelta64(1, "D"),
        dynamic=model[..., None],
        static=static,
        lat=np.zeros(count),
        lon=np.zeros(count),
        specs=SPEC.inputs,
        observed=observed,
        shape=(height, width),
    )
    return inputs, truth


def data_of(inputs):
    assert inputs.observed is not None
    return TrainingData(Task(inputs, inputs.observed))


def wild(model, inputs):
    """The model with random weights instead of trained ones: every cell that may matter does."""
    trained = DrcGan(dataclasses.replace(model.config, epochs=1, most_steps=1, patch=16, batch=1))
    trained.fit(data_of(inputs), FitRun())
    torch.manual_seed(0)
    for weight in trained.network.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return trained


def size_of(network):
    return sum(weight.numel() for weight in network.parameters())


def body_size(inputs, width, blocks):
    """Weights of 3 × 3 convolutions and their biases, layer by layer."""
    layers = [(inputs, width), *[(width, width)] * (2 * blocks + 1), (width, 1)]
    return sum(9 * a * b + b for a, b in layers)


def test_the_full_proposal_has_about_1_2_million_weights_in_the_generator():
    assert size_of(Generator(64, 16)) == body_size(9, 64, 16) == 1_224_449
    assert size_of(Generator(64, 16, statics=4)) == body_size(13, 64, 16) == 1_226_753
    assert size_of(Generator(64, 16, causal=True)) == body_size(6, 64, 16) == 1_222_721


def test_the_other_networks_of_the_full_proposal_have_their_sizes():
    assert size_of(Degeneration(64, 8)) == body_size(5, 64, 8) == 631_297
    layers = [(1, 64), (64, 128), (128, 256), (256, 1)]
    assert size_of(Discriminator(64)) == sum(16 * a * b + b for a, b in layers) == 660_929


def test_a_discriminator_marks_a_patch_of_64_cells_in_14_by_14_places():
    assert Discriminator(4)(torch.zeros(2, 1, 64, 64)).shape == (2, 1, 14, 14)


def test_discriminators_keep_their_spectral_norms_at_one():
    torch.manual_seed(0)
    judge = Discriminator(8)
    for _ in range(30):
        judge(torch.randn(1, 1, 32, 32))
    for layer in judge.layers:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.05)


def test_an_untrained_generator_gives_the_guess():
    inputs, _ = world()
    noah, observed = inputs.series("model_sm"), inputs.observed
    pooled = pooled_curves(observed, noah, inputs.time)
    model = DrcGan(TINY)
    model.used, model.pooled = inputs.specs, pooled
    model.statics = Statistics.fit(("a", "b", "c", "d"), inputs.static, trimmed=False)
    model.network = Generator(6, 1, 4)
    found = around(observed, noah, inputs.time, pooled)
    np.testing.assert_allclose(model.predict(inputs)["sm"], guess(noah, found), atol=2e-6)


@pytest.mark.parametrize("config", ["demo", "paper"])
def test_a_cell_rests_on_exactly_the_halo_of_its_specification(config):
    model = DrcGan(dataclasses.replace(CONFIGS[config], hidden=6))
    halo = model.spec.halo
    assert halo == {"demo": 9, "paper": 35}[config] == reach(model.config.blocks)
    body, side = Generator(6, model.config.blocks).double().body, 2 * halo + 3
    for weight in body.parameters():
        # nothing is switched off or cancels; 2⁻⁵ keeps every product of 35 layers well inside float64
        torch.nn.init.constant_(weight, 2.0**-5)
    with torch.inference_mode():
        x, land = torch.zeros(1, 9, side, side).double(), torch.ones(1, 1, side, side).double()
        before = body(x, land, False)[0, 0, halo + 1, halo + 1]
        for row, column, matters in ((1, 1, True), (0, halo + 1, False), (halo + 1, 0, False), (0, 0, False)):
            moved = x.clone()
            moved[0, :, row, column] = 2.0**100
            assert (body(moved, land, False)[0, 0, halo + 1, halo + 1] != before) == matters, (row, column)


def test_a_window_with_its_halo_gives_the_cells_what_the_whole_rectangle_gives_them():
    inputs, _ = world(40, 44, steps=24)
    model = wild(DrcGan(TINY), inputs)
    halo = model.spec.halo
    whole = model.predict(inputs)["sm"].reshape(-1, 40, 44)
    rows, columns = np.meshgrid(np.arange(8, 30), np.arange(5, 31), indexing="ij")
    part = inputs.at((rows * 44 + columns).ravel())
    part = dataclasses.replace(part, shape=rows.shape, origin=(8, 5))
    found = model.predict(part)["sm"].reshape(-1, *rows.shape)
    inner = (slice(None), slice(halo, -halo), slice(halo, -halo))
    np.testing.assert_allclose(found[inner], whole[:, 8:30, 5:31][inner], atol=1e-6)


def test_round_the_globe_a_shifted_map_gives_the_shifted_result():
    inputs, _ = world(16, 20, steps=20, sea=2)
    model = wild(DrcGan(TINY), inputs)
    cells = np.roll(np.arange(320).reshape(16, 20), 7, axis=1).ravel()
    shifted = dataclasses.replace(inputs.at(cells), shape=(16, 20))
    for wraps, same in ((True, True), (False, False)):
        first = model.predict(dataclasses.replace(inputs, wraps=wraps))["sm"][:, cells]
        second = model.predict(dataclasses.replace(shifted, wraps=wraps))["sm"]
        assert np.allclose(first, second, atol=1e-6, equal_nan=True) == same


@pytest.fixture(scope="module")
def trained():
    inputs, truth = world()
    model = DrcGan(TINY)
    model.fit(data_of(inputs), FitRun(seed=3))
    return model, inputs, truth


def test_there_is_a_value_wherever_the_model_has_one_and_nowhere_else(trained):
    model, inputs, _ = trained
    observed = inputs.observed.copy()
    observed[:, 200:] = np.nan  # nothing was ever seen there
    sm = model.predict(dataclasses.replace(inputs, observed=observed))["sm"]
    np.testing.assert_array_equal(np.isfinite(sm), np.isfinite(inputs.series("model_sm")))


def test_a_day_s_own_observation_is_no_input(trained):
    model, inputs, _ = trained
    observed = inputs.observed.copy()
    observed[30] = 0.5
    before, after = (model.predict(dataclasses.replace(inputs, observed=o))["sm"] for o in (inputs.observed, observed))
    np.testing.assert_array_equal(before[30], after[30])
    assert (before[31] != after[31]).any()


def test_what_lies_more_than_fifteen_days_ahead_does_not_matter(trained):
    model, inputs, _ = trained
    whole = model.predict(inputs)["sm"]
    early = model.predict(inputs.during(slice(0, 30 + model.spec.lookahead)))["sm"]
    np.testing.assert_allclose(early[:30], whole[:30], atol=1e-6)


class Kept:
    """A checkpoint in memory that stops the run once it has been written ``kills`` times."""

    def __init__(self, kills=0):
        self.state, self.kills = None, kills

    def load(self):
        return self.state

    def save(self, arrays, notes):
        self.state = {k: np.array(v) for k, v in arrays.items()}, dict(notes)
        self.kills -= 1
        if self.kills == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("kills", [1, 3])
def test_a_killed_training_goes_on_to_the_same_weights(trained, kills):
    model, inputs, _ = trained
    kept = Kept(kills)
    with pytest.raises(KeyboardInterrupt):
        DrcGan(TINY).fit(data_of(inputs), FitRun(seed=3, checkpoint=kept))
    again = DrcGan(TINY)
    again.fit(data_of(inputs), FitRun(seed=3, checkpoint=kept))
    for name, weight in model.save().arrays.items():
        np.testing.assert_array_equal(again.save().arrays[name], weight)


def test_only_the_average_of_the_generator_is_shipped(trained):
    model = trained[0]
    assert sum(a.size for a in model.save().arrays.values()) == body_size(13, 6, 1)


def samples_of(inputs, *, causal=False):
    pooled = pooled_curves(inputs.observed, inputs.series("model_sm"), inputs.time)
    record = Record.of(inputs, inputs.observed, inputs.static, pooled, causal=causal)
    return Samples.of(record, 16, 8), pooled


def test_training_patches_hold_the_neighbours_of_the_whole_record():
    inputs, _ = world(steps=40)
    observed = inputs.observed.copy()
    observed[5:30, ::7] = np.nan
    inputs = dataclasses.replace(inputs, observed=observed)
    samples, pooled = samples_of(inputs)
    chosen = samples.usable[::9]
    batch = samples.draw(chosen, np.random.default_rng(0), 0.0)
    found = around(observed, inputs.series("model_sm"), inputs.time, pooled)
    for number, (step, tile) in enumerate(chosen):
        row, column = samples.tiles.rows[tile], samples.tiles.columns[tile]
        for side in (0, 1):
            for channel, field, scale in ((1, found.sm, 0.6), (2, found.model, 0.6), (3, found.age, 15)):
                wanted = field[side, step].reshape(20, 24)[row : row + 16, column : column + 16] / scale
                np.testing.assert_allclose(batch.x[number, 3 * side + channel], wanted, atol=1e-5)


def test_a_part_of_each_day_is_hidden_and_the_rest_is_kept():
    inputs, _ = world()
    samples, _ = samples_of(inputs)
    batch = samples.draw(samples.usable[:40], np.random.default_rng(0), 0.3)
    assert (batch.hidden * batch.kept == 0).all()
    assert (batch.valid[batch.sm > 0] == 1).all()
    share = batch.hidden.sum((1, 2, 3)) / batch.valid.sum((1, 2, 3))
    some = share > 0
    assert some.any()
    assert ((share[some] >= 0.1) & (share[some] <= 0.6)).all()


def test_what_is_real_to_a_discriminator_is_masked_as_what_is_fake():
    inputs, _ = world()
    samples, _ = samples_of(inputs)
    batch = samples.draw(samples.usable[:20], np.random.default_rng(0), 0.0)
    np.testing.assert_array_equal(batch.real > 0, batch.seen > 0)
    assert (batch.seen <= batch.land).all()


def test_longer_gaps_are_practised_when_asked_for():
    inputs, _ = world()
    samples, _ = samples_of(inputs)
    chosen = samples.usable[:60]
    ages = [float(samples.draw(chosen, np.random.default_rng(0), chance).x[:, 3].mean()) for chance in (0.0, 1.0)]
    assert ages[1] > 2 * ages[0]


def test_masked_means_and_differences_by_hand():
    a = torch.tensor([[[[1.0, 2.0], [4.0, 8.0]]]])
    b = torch.zeros_like(a)
    mask = torch.tensor([[[[1.0, 1.0], [1.0, 0.0]]]])
    assert losses.mean_over(a, mask).item() == pytest.approx(7 / 3)
    assert losses.mean_over(a, torch.zeros_like(a)).item() == 0
    # along rows |4 − 1| in the only whole pair, along columns |2 − 1|
    assert losses.gradient_difference(a, b, mask).item() == pytest.approx(4)


def test_least_squares_marks_by_hand():
    class Mark(torch.nn.Module):
        def forward(self, x):
            return x

    half = torch.full((1, 1, 2, 2), 0.5)
    assert losses.fooled(Mark(), half).item() == pytest.approx(0.25)
    assert losses.judged(Mark(), 2 * half, half).item() == pytest.approx(0.125)


def test_a_step_of_one_side_leaves_the_weights_of_the_other():
    from smcore.models.drcgan import _step
    from smcore.models.networks.drcgan import Networks

    inputs, _ = world()
    samples, _ = samples_of(inputs)
    torch.manual_seed(0)
    nets = Networks(Generator(4, 1, 4), Degeneration(4, 1), 4, (16, 16))
    batch = samples.draw(samples.usable[:2], np.random.default_rng(0), 0.0)
    optimiser = torch.optim.Adam([*nets.makers, *nets.judges], lr=1e-2)
    before = [[w.detach().clone() for w in side] for side in (nets.makers, nets.judges)]
    _step(nets, optimiser, batch, np.random.default_rng(0), FitRun(), adversarial=False)
    moved = [
        any((w != b).any() for w, b in zip(s, o, strict=True))
        for s, o in zip((nets.makers, nets.judges), before, strict=True)
    ]
    assert moved == [True, False]
    makers = [w.detach().clone() for w in nets.makers]
    loss = losses.judges_loss(nets, batch, batch.sm, batch.x[:, :1], np.random.default_rng(0))
    optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(loss, inputs=nets.judges)
    optimiser.step()
    assert all((w == b).all() for w, b in zip(nets.makers, makers, strict=True))
    assert any((w != b).any() for w, b in zip(nets.judges, before[1], strict=True))


def test_a_full_replay_pool_gives_old_fakes_back_about_every_other_time():
    pool, rng = ReplayPool((2, 2)), np.random.default_rng(0)
    first = torch.zeros(50, 1, 2, 2)
    assert (pool.exchange(first, rng) == 0).all()
    shown = pool.exchange(torch.ones(40, 1, 2, 2), rng)
    old = int((shown == 0).all(dim=(1, 2, 3)).sum())
    assert 10 <= old <= 30
    assert int((pool.kept == 1).all(dim=(1, 2, 3)).sum()) >= old


@pytest.mark.slow
def test_training_learns_that_the_model_moves_too_much():
    inputs, truth = world(moves=3.0)
    config = dataclasses.replace(
        TINY, hidden=8, epochs=4, most_steps=25, warm_epochs=4, decay_from=3, rate=2e-3, average=0.8, outage=0.0
    )  # at 5e-3 it ends anywhere: rounding of another processor decides
    model = DrcGan(config)
    model.fit(data_of(inputs), FitRun())
    found = model.predict(inputs)["sm"]
    noah = inputs.series("model_sm")
    plain = guess(noah, around(inputs.observed, noah, inputs.time, model.pooled))
    rmsd = [float(np.sqrt(np.nanmean((v - truth)[5:-5] ** 2))) for v in (found, plain)]
    assert rmsd[0] < 0.8 * rmsd[1]


def test_a_rectangle_too_small_for_the_discriminators_is_refused():
    inputs, _ = world(12, 30)
    with pytest.raises(ModelError, match="16 cells a side"):
        DrcGan(TINY).fit(data_of(inputs), FitRun())


def test_loose_locations_are_refused():
    inputs, _ = world()
    with pytest.raises(ModelError, match="rectangle"):
        DrcGan(TINY).fit(data_of(inputs.at(np.arange(100))), FitRun())


def test_the_departures_of_the_demonstration_are_on_its_card():
    assert DrcGan(CONFIGS["paper"]).departures == ()
    assert "hidden 24 instead of 64" in DrcGan(CONFIGS["demo"]).departures
