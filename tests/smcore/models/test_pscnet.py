"""PSCNet: its parts against plain computations, its size, how far it sees, and what it learns from coarse cells."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool1d, conv1d, gelu, interpolate

from smcore.errors import Cancelled, ModelError
from smcore.models.arrays import Task, TrainingData, member_mean
from smcore.models.base import FitRun
from smcore.models.images.model import ImageModel
from smcore.models.images.targets import ImageTargets, total_variation
from smcore.models.images.training import Channels
from smcore.models.images.windows import WindowFeatures, some_shortened, step_windows, without_kept_days
from smcore.models.learning.normalise import Statistics
from smcore.models.networks import pscnet as pscnet_blocks
from smcore.models.networks.pscnet import Excitation, FeedForward, StageBlock, TemporalFusion, TimeBranch
from smcore.models.pscnet import CONFIGS, MODEL_SM, SPEC, Config, Network, build, reach
from smcore.models.tiles.patches import Tiles
from tests.smcore.models.image_tasks import SPECS, STEP, Memory, coarse_data, coarse_task, make_inputs, wetness

SMALL = Config(epochs=2, most_steps=3, batch=2, crop=16, hidden=8, depths=(1, 1), kernels=(3, 5), window=3)


def small(**changes: object) -> ImageModel:
    """A PSCNet that trains in a moment."""
    config = dataclasses.replace(SMALL, **changes)
    spec = dataclasses.replace(SPEC, inputs=SPECS, halo=reach(config))
    return ImageModel(spec, config, lambda channels, chosen: Network(channels, chosen), paper=CONFIGS["paper"])


def test_the_paper_configuration_has_about_half_a_million_parameters():
    width, dynamic, static = 64, 17 + 1, 4 + 2 + 4

    def linear(a: int, b: int) -> int:
        return a * b + b

    temporal = 3 * (3 * width + width + linear(width, width)) + linear(3 * width, 3 * width) + width
    norms, excite = 2 * 2 * width + 2 * 2 * width, linear(width, 16) + linear(16, width)
    forward = linear(width, 256) + linear(256, width) + 9 * 256 + 256
    fixed = norms + width * width + excite + forward
    blocks = sum(depth * (fixed + k * k * width) for depth, k in zip((2, 2, 4, 2), (3, 5, 7, 9), strict=True))
    ends = linear(dynamic, width) + linear(width + static, width) + linear(4 * width, width) + 9 * width + 1
    network = Network(Channels(8, dynamic, static), CONFIGS["paper"])
    found = sum(p.numel() for p in network.parameters())
    assert found == temporal + blocks + ends == 524_513


def test_the_halo_is_the_sum_of_the_windows_of_all_layers():
    # a block of kernel k: k // 2, then 3 for the 7 × 7 window of SE, then 1 for the 3 × 3 of the FFN; 1 at the end
    assert SPEC.halo == 2 * (1 + 3 + 1) + 2 * (2 + 3 + 1) + 4 * (3 + 3 + 1) + 2 * (4 + 3 + 1) + 1 == 67
    assert build("demo").spec.halo == 5 + 6 + 2 * 7 + 8 + 1


@pytest.mark.parametrize("config", [CONFIGS["paper"], CONFIGS["demo"]], ids=["paper", "demo"])
def test_a_cell_just_inside_the_halo_matters_and_one_just_outside_does_not(config):
    torch.manual_seed(0)
    config = dataclasses.replace(config, hidden=8, reduction=1)
    network = Network(Channels(8, 2, 1), config).double().eval()
    halo, middle = reach(config), reach(config) + 2
    x = torch.randn(1, 8, 1, 2 * middle + 1, 2, dtype=torch.float64, requires_grad=True)
    static = torch.zeros(1, 1, 2 * middle + 1, 1, dtype=torch.float64)
    network(network.embed(x.flatten(0, 1)).unflatten(0, (1, 8)), static, None)[0, 0, middle].backward()
    touched = np.flatnonzero(x.grad.abs().sum(dim=(0, 1, 2, 4)).numpy())
    assert touched.min() == middle - halo
    assert touched.max() == middle + halo


def test_a_branch_averages_convolves_along_time_and_stretches_back():
    torch.manual_seed(0)
    for every in (1, 2, 4):
        branch = TimeBranch(5, every, dilated=False)
        u = torch.randn(2, 8, 3, 5)
        series = u.permute(0, 2, 3, 1).reshape(6, 5, 8)
        pooled = avg_pool1d(series, every)
        convolved = gelu(conv1d(pooled, branch.taps.T[:, None], branch.bias, padding=1, groups=5))
        mixed = branch.mix(convolved.transpose(1, 2)).transpose(1, 2)
        expected = interpolate(mixed, size=8, mode="linear", align_corners=False).reshape(2, 3, 5, 8)
        torch.testing.assert_close(branch(u), expected.permute(0, 3, 1, 2), atol=1e-5, rtol=1e-4)


def test_a_dilated_branch_reaches_further_and_averages_nothing():
    torch.manual_seed(0)
    branch = TimeBranch(5, 4, dilated=True)
    u = torch.randn(1, 8, 1, 5)
    series = u[0, :, 0].T[None]
    convolved = gelu(conv1d(series, branch.taps.T[:, None], branch.bias, padding=4, dilation=4, groups=5))
    torch.testing.assert_close(branch(u)[0, :, 0], branch.mix(convolved[0].T), atol=1e-5, rtol=1e-4)


def test_time_is_summed_up_with_weights_that_add_to_one():
    fusion = TemporalFusion(4, dilated=False)
    for branch in fusion.branches:
        torch.nn.init.zeros_(branch.mix.weight)
        torch.nn.init.zeros_(branch.mix.bias)
    still = torch.randn(1, 1, 3, 4).expand(1, 8, 3, 4)  # nothing is added, and every step is the same
    torch.testing.assert_close(fusion(still), still[:, 0], atol=1e-6, rtol=1e-5)


def test_local_excitation_is_the_mean_and_maximum_of_the_cells_around():
    torch.manual_seed(0)
    excite, z = Excitation(4, window=3, reduction=2), torch.randn(1, 5, 6, 4)
    present = torch.ones(1, 5, 6, 1, dtype=torch.bool)
    present[0, 2, 3] = False
    found = excite(z, present)
    kept = (z * present).detach().numpy()[0]
    for row, column in ((0, 0), (2, 2), (3, 4), (1, 1)):
        rows, columns = range(row - 1, row + 2), range(column - 1, column + 2)
        inside = [(r, c) for r in rows for c in columns if 0 <= r < 5 and 0 <= c < 6]
        there = [kept[r, c] for r, c in inside if present[0, r, c]]
        zeros = [np.zeros(4)] if len(there) < 9 else []  # what is missing or outside counts as zero in the maximum
        mean, most = np.mean(there, axis=0), np.max(there + zeros, axis=0)
        parts = [excite.up(torch.relu(excite.down(torch.tensor(v, dtype=torch.float32)))) for v in (mean, most)]
        own = torch.tensor(kept[row, column])
        torch.testing.assert_close(found[0, row, column], own * torch.sigmoid(parts[0] + parts[1]) + own)


def test_plain_excitation_is_the_same_for_every_cell_of_a_picture():
    torch.manual_seed(0)
    excite, z = Excitation(4, window=0, reduction=2), torch.rand(1, 5, 6, 4) + 0.5
    gain = excite(z, None) / z
    torch.testing.assert_close(gain, gain[:, :1, :1].expand_as(gain))


def test_missing_cells_are_as_if_the_map_ended_there():
    torch.manual_seed(0)
    block = StageBlock(6, kernel=5, window=3, reduction=2).eval()
    z, present = torch.randn(1, 9, 12, 6), torch.ones(1, 9, 12, 1, dtype=torch.bool)
    present[:, :, 7:] = False
    torch.testing.assert_close(block(z, present)[:, :, :7], block(z[:, :, :7].contiguous(), None), atol=1e-5, rtol=1e-5)


def test_a_feed_forward_network_in_strips_is_the_same_as_in_one(monkeypatch):
    torch.manual_seed(0)
    layer, z = FeedForward(4).eval(), torch.randn(2, 11, 6, 4)
    whole, present = layer(z, None), torch.ones(2, 11, 6, 1, dtype=torch.bool)
    present[:, 4, 2:] = False
    holey = layer(z, present)
    monkeypatch.setattr(pscnet_blocks, "_STRIP", 36)  # three rows of two maps
    torch.testing.assert_close(layer(z, None), whole)
    torch.testing.assert_close(layer(z, present), holey)


def test_without_the_soil_moisture_of_the_reanalysis_it_is_no_input():
    for config in ("no_swvl", "demo_no_swvl"):
        names = {i.name for i in build(config).spec.inputs}
        assert not names & set(MODEL_SM)
        assert "precipitation" in names


def _targets(side: int = 2, shape: tuple[int, int] = (4, 6)) -> tuple[ImageTargets, Task]:
    task = coarse_task(make_inputs(shape, steps=3), side=side, hidden=0.0)
    return ImageTargets(task, Statistics(("sm",), np.zeros(1), np.ones(1))), task


def test_the_pooled_loss_compares_area_means_of_whole_coarse_cells():
    targets, task = _targets()
    tiles = Tiles(np.array([0]), np.array([1]), (4, 4), (4, 6))  # columns 1 to 4: only the middle pair of them is whole
    labels = targets.labels(tiles, np.array([2]), np.ones((1, 4, 4), bool))
    maps = torch.rand(1, 4, 4)
    area = np.cos(np.deg2rad(task.inputs.lat)).reshape(4, 6)[:, 1:5]
    expected = [np.average(maps[0].numpy()[r : r + 2, 1:3], weights=area[r : r + 2, 1:3]) for r in (0, 2)]
    np.testing.assert_allclose(labels.pooled(maps).numpy(), expected, rtol=1e-5)
    np.testing.assert_allclose(labels.value.numpy(), task.target[2].reshape(2, 3)[:, 1], rtol=1e-6)


def test_a_cell_that_is_missing_or_belongs_to_no_coarse_cell_is_left_out_of_the_mean():
    _, task = _targets()
    members = task.members.copy()
    members[0] = -1
    targets = ImageTargets(Task(task.inputs, task.target, members), Statistics(("sm",), np.zeros(1), np.ones(1)))
    present = np.ones((1, 4, 6), bool)
    present[0, 2, 0] = False
    labels = targets.labels(Tiles(np.array([0]), np.array([0]), (4, 6), (4, 6)), np.array([0]), present)
    expected = member_mean(np.arange(24.0, dtype=np.float32)[None], np.where(present.ravel(), members, -1), 6)[0]
    pooled = labels.pooled(torch.arange(24.0).reshape(1, 4, 6))
    np.testing.assert_allclose(pooled.numpy(), expected, atol=0.02)  # the areas differ by a thousandth
    assert bool(torch.isnan(labels.smooth[0, 0, 0]))


def test_the_smooth_term_is_linear_between_the_centres_of_the_coarse_cells():
    inputs = make_inputs((8, 8), steps=1)
    plane = (0.2 + 0.01 * inputs.lat + 0.002 * inputs.lon).astype(np.float32)[None]
    empty = coarse_task(inputs, side=2, hidden=0.0)
    task = Task(inputs, empty.aggregate(plane), empty.members)
    targets = ImageTargets(task, Statistics(("sm",), np.zeros(1), np.ones(1)))
    whole = Tiles(np.array([0]), np.array([0]), (8, 8), (8, 8))
    labels = targets.labels(whole, np.array([0]), np.ones((1, 8, 8), bool))
    np.testing.assert_allclose(labels.smooth[0, 1:7, 1:7], plane.reshape(8, 8)[1:7, 1:7], atol=1e-5)


def test_the_parts_of_the_loss_are_weighted_as_proposed():
    targets, _ = _targets()
    tiles, present = Tiles(np.array([0]), np.array([0]), (4, 6), (4, 6)), np.ones((1, 4, 6), bool)
    labels = targets.labels(tiles, np.array([1]), present)
    maps = torch.rand(1, 4, 6)
    half_square = lambda d: 0.5 * float((d**2).mean())  # noqa: E731  Huber below 1
    expected = half_square(labels.pooled(maps) - labels.value) + 0.1 * half_square(maps - labels.smooth)
    steps = torch.cat([maps.diff(dim=1).abs().ravel(), maps.diff(dim=2).abs().ravel()])
    expected += 0.01 * float(steps.mean())
    assert float(targets.loss(maps, labels, torch.from_numpy(present))) == pytest.approx(expected, rel=1e-5)


def test_total_variation_leaves_out_steps_to_missing_cells():
    maps, present = torch.zeros(1, 2, 3), torch.ones(1, 2, 3, dtype=torch.bool)
    maps[0, 0, 0], present[0, 0, 0] = 100.0, False
    assert float(total_variation(maps, present)) == 0.0


def test_resampled_training_gives_each_cell_the_value_of_its_coarse_cell():
    _, task = _targets()
    targets = ImageTargets(task, Statistics(("sm",), np.zeros(1), np.ones(1)), resampled=True)
    tiles, present = Tiles(np.array([0]), np.array([0]), (4, 6), (4, 6)), np.ones((1, 4, 6), bool)
    labels, maps = targets.labels(tiles, np.array([1]), present), torch.rand(1, 4, 6)
    expected = ((maps.ravel().numpy() - task.target[1][task.members]) ** 2).mean()
    assert float(targets.loss(maps, labels, torch.from_numpy(present))) == pytest.approx(expected, rel=1e-5)


def test_targets_one_to_one_are_a_plain_masked_huber():
    inputs = make_inputs((4, 4), steps=1)
    target = np.array(wetness(inputs))
    target[0, :5] = np.nan
    targets = ImageTargets(Task(inputs, target), Statistics(("sm",), np.zeros(1), np.ones(1)))
    whole, present = Tiles(np.array([0]), np.array([0]), (4, 4), (4, 4)), np.ones((1, 4, 4), bool)
    labels, maps = targets.labels(whole, np.array([0]), present), torch.rand(1, 4, 4)
    expected = 0.5 * ((maps.ravel().numpy() - target[0])[5:] ** 2).mean()
    assert float(targets.loss(maps, labels, torch.from_numpy(present))) == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_it_finds_the_fine_pattern_that_the_coarse_cells_hide():
    model = small(epochs=5, most_steps=12, rate=5e-3)
    task = coarse_task(make_inputs((24, 24), steps=24, wavy=True))
    model.fit(TrainingData(task), FitRun(seed=0))
    fresh = make_inputs((24, 24), steps=12, seed=9, wavy=True)
    truth, found = wetness(fresh)[7:], model.predict(fresh)["sm"][7:]
    copied = coarse_task(fresh, hidden=0.0).target[7:][:, task.members]
    assert np.sqrt(np.mean((found - truth) ** 2)) < 0.8 * np.sqrt(np.mean((copied - truth) ** 2))


def test_a_map_does_not_depend_on_the_other_maps_predicted_with_it():
    model = small()
    model.fit(coarse_data(), FitRun(seed=1))
    inputs = make_inputs((24, 24), steps=20, seed=3)
    alone = model.predict(inputs.during(slice(5, 13)))["sm"][-1]
    np.testing.assert_allclose(alone, model.predict(inputs)["sm"][12], atol=2e-6)


def test_a_gap_in_time_is_like_the_beginning_of_a_record():
    inputs = make_inputs((24, 24), steps=20, seed=3)
    later = np.where(np.arange(20) < 8, np.timedelta64(0, "D"), np.timedelta64(300, "D"))
    model = small()
    model.fit(coarse_data(), FitRun(seed=1))
    gapped = dataclasses.replace(inputs, time=inputs.time + later)
    after = gapped.during(slice(8, 20))
    np.testing.assert_allclose(model.predict(gapped)["sm"][8:], model.predict(after)["sm"], atol=2e-6)
    windows = step_windows(gapped.time, model.spec)
    assert windows[7].tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert windows[9].tolist() == [-1, -1, -1, -1, -1, -1, 8, 9]


def test_observations_without_a_whole_window_before_them_teach_nothing():
    task = coarse_task(make_inputs((24, 24), steps=20))
    target = np.array(task.target)
    target[7:] = np.nan
    with pytest.raises(ModelError, match="8 steps without a gap"):
        small().fit(TrainingData(Task(task.inputs, target, task.members)), FitRun())


def test_nothing_is_said_where_no_input_is_there():
    model = small()
    model.fit(coarse_data(), FitRun(seed=1))
    inputs = make_inputs((24, 24), steps=10, seed=3)
    dynamic = inputs.dynamic.copy()
    dynamic[:, 30:40] = np.nan
    found = model.predict(dataclasses.replace(inputs, dynamic=dynamic))["sm"]
    assert np.isnan(found[:, 30:40]).all()
    assert np.isfinite(np.delete(found, np.arange(30, 40), axis=1)).all()


def test_an_hour_that_the_labels_never_varied_in_is_left_out():
    inputs = make_inputs((8, 8), steps=64)
    task = coarse_task(inputs, hidden=0.0)
    target = np.array(task.target)
    target[np.arange(64) % 4 != 0] = np.nan  # 00 and 12 UTC: the sine of the hour is zero
    features = WindowFeatures.fit(Task(inputs, target, task.members))
    assert features.seen[:2].tolist() == [0.0, 1.0]
    assert (features.clock(inputs.time)[:, 0] == 0).all()
    np.testing.assert_allclose(features.clock(inputs.time)[:3, 1], [1, math.sqrt(0.5), 0], atol=1e-6)
    assert WindowFeatures.from_json(features.to_json()).seen.tolist() == features.seen.tolist()


def test_every_seventh_labelled_day_is_kept_for_the_early_stop_if_there_are_enough():
    time = np.datetime64("2019-06-01", "ns") + np.arange(8 * 21) * STEP
    drawn, kept = without_kept_days(time, np.arange(4, len(time), 8))
    assert kept.tolist() == [4 + 8 * day for day in (6, 13, 20)]
    assert len(drawn) == 18
    assert len(without_kept_days(time, np.arange(4, 80, 8))[1]) == 0


def test_shortened_windows_lose_their_first_steps_only():
    windows = np.tile(np.arange(8), (400, 1))
    found = some_shortened(windows, np.random.default_rng(0))
    lost = (found < 0).sum(axis=1)
    assert 0.05 < (lost > 0).mean() < 0.16
    assert all((row[n:] == np.arange(n, 8)).all() for row, n in zip(found, lost, strict=True))
    assert (found[:, -1] == 7).all()


@pytest.mark.slow
def test_a_resumed_training_ends_with_the_same_weights():
    whole, memory = small(epochs=3), Memory()
    whole.fit(coarse_data(), FitRun(seed=4))

    class Stop(Exception):
        pass

    def stop_after_two(record: dict[str, object]) -> None:
        if record.get("epoch") == 3:
            raise Stop

    with pytest.raises(Stop):
        small(epochs=3).fit(coarse_data(), FitRun(seed=4, checkpoint=memory, log=stop_after_two))
    assert memory.kept[1]["epochs"] == 2
    again = small(epochs=3)
    again.fit(coarse_data(), FitRun(seed=4, checkpoint=memory))
    for name, value in whole.save().arrays.items():
        np.testing.assert_array_equal(again.save().arrays[name], value, err_msg=name)


def test_a_cancel_ends_the_training_between_two_steps():
    asked = iter([False] * 4)
    with pytest.raises(Cancelled):
        small(epochs=50).fit(coarse_data(), FitRun(cancelled=lambda: next(asked, True)))


def test_the_card_tells_where_a_configuration_departs_from_the_proposal():
    assert build("paper").departures == ()
    assert "hidden 24 instead of 64" in build("demo").departures
