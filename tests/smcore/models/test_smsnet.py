"""SMSNet: the published network and tilings, scaling that is never refitted, training on valid targets only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smcore.errors import ModelError, WeightsError
from smcore.models.arrays import Inputs, Task, TrainingData
from smcore.models.base import FitRun
from smcore.models.smsnet import CONFIGS, SPEC, Config, network
from smcore.models.tiles.fit import TileSamples, TileSchedule
from smcore.models.tiles.model import OFFSETS, TileModel
from smcore.models.tiles.scaling import DYNAMIC, STATIC, TileScaling

torch = pytest.importorskip("torch")

SMALL = replace(CONFIGS["paper"], hidden=16, heads=2, epochs=2, most_steps=3, batch=4)
STEP = 360 / 3856  # degrees of longitude between columns of the 9 km grid


def make_inputs(shape=(24, 32), steps=8, origin=(0, 0), seed=0, spacing=STEP) -> Inputs:
    rng = np.random.default_rng(seed)
    count = shape[0] * shape[1]
    rows, columns = (part.ravel() for part in np.indices(shape))
    dynamic = rng.uniform(0.05, 0.6, (steps, count, 9))
    dynamic[..., 0] = rng.uniform(270, 310, (steps, count))
    dynamic[..., 1] = rng.gamma(0.3, 20, (steps, count))
    static = np.stack([rng.integers(1, 17, count), *(rng.uniform(a, b, count) for a, b in
                      ((0, 2000), (5, 60), (1, 20), (1.1, 1.6), (5, 90), (5, 70)))], -1)  # fmt: skip
    return Inputs(
        time=np.datetime64("2019-06-01") + np.arange(steps) * np.timedelta64(1, "D"),
        dynamic=dynamic,
        static=static,
        lat=45 - rows * spacing,
        lon=-100 + columns * spacing,
        specs=SPEC.inputs,
        shape=shape,
        origin=origin,
    )


def make_task(inputs: Inputs, seed: int = 1) -> Task:
    rng = np.random.default_rng(seed)
    target = rng.uniform(0.1, 0.4, (len(inputs.time), len(inputs.lat)))
    target[rng.random(target.shape) < 0.5] = np.nan
    return Task(inputs, target)


def make_model(config: Config = SMALL) -> TileModel:
    return TileModel(SPEC, config, CONFIGS["paper"], network)


@pytest.fixture(scope="module")
def fitted() -> TileModel:
    model = make_model()
    model.fit(TrainingData(make_task(make_inputs())), FitRun(seed=3))
    return model


def window(inputs: Inputs, rows: slice, columns: slice) -> Inputs:
    cells = np.arange(len(inputs.lat)).reshape(inputs.shape)[rows, columns]
    origin = (inputs.origin[0] + rows.start, inputs.origin[1] + columns.start)
    return replace(inputs.at(cells.ravel()), shape=cells.shape, origin=origin, first=inputs.first)


def maps(model: TileModel, inputs: Inputs) -> np.ndarray:
    return model.predict(inputs)["sm"].reshape(-1, *inputs.shape)


# --- the network -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tied", "count"), [(True, 2_018_642), (False, 2_808_914)])
def test_the_parameters_are_as_many_as_published(tied, count):
    net = network(replace(CONFIGS["paper"], tie_encoder_layers=tied))
    assert sum(p.numel() for p in net.parameters()) == count


def test_demo_is_the_published_network_on_another_schedule():
    schedule = set(TileSchedule.__dataclass_fields__)
    changed = {d.split()[0] for d in TileModel(SPEC, CONFIGS["demo"], CONFIGS["paper"], network).departures}
    assert changed
    assert changed <= schedule
    assert TileModel(SPEC, CONFIGS["paper"], CONFIGS["paper"], network).departures == ()


def _heads(attention, x, memory, allowed):
    """Attention written out: one head and one token after the other; ``allowed[i]`` lists what token i sees."""
    q, k, v = attention.query(x), attention.key(memory), attention.value(memory)
    width = q.shape[-1] // attention.heads
    seen = torch.zeros_like(q)
    for head in range(attention.heads):
        part = slice(head * width, (head + 1) * width)
        for token, others in enumerate(allowed):
            score = torch.tensor([float(q[token, part] @ k[o, part]) / width**0.5 for o in others])
            share = torch.softmax(score, 0)
            seen[token, part] = sum(share[i] * v[o, part] for i, o in enumerate(others))
    return attention.out(seen)


def _norm(layer, x):
    return layer(x)


def _by_hand(net, tile, static):
    """The published forward pass for one tile [5, 10, 8, 8], token by token (systems in our own words)."""
    patches = [tile[:, :, r : r + 4, c : c + 4].reshape(5, -1) for r in (0, 4) for c in (0, 4)]

    def embed(layer, tokens, patch, day):
        return layer.norm(layer.linear(tokens) + layer.place.weight[patch] + layer.day[day])

    memory = torch.stack([embed(net.source, patches[s][t], s, t) for s in range(4) for t in range(5)])
    in_time = [[s * 5 + u for u in range(5)] for s in range(4) for _ in range(5)]
    in_space = [[r * 5 + t for r in range(4)] for _ in range(4) for t in range(5)]
    for layer in [net.layers[0], net.layers[-1]]:
        seen = _heads(layer.attention.time, memory, memory, in_time)
        seen = _heads(layer.attention.space, seen, seen, in_space)
        memory = layer.norms[0](memory + seen)
        memory = layer.norms[1](memory + layer.narrow(torch.relu(layer.wide(memory))))
    query = torch.stack([embed(net.target, patches[s][-1], s, 0) for s in range(4)])
    decoder = net.decoder
    seen = _heads(decoder.attention.time, query, query, [[s] for s in range(4)])
    seen = _heads(decoder.attention.space, seen, seen, [list(range(4))] * 4)
    query = decoder.norms[0](query + seen)
    query = decoder.norms[1](
        query + _heads(decoder.cross, query, memory, [[s * 5 + t for t in range(5)] for s in range(4)])
    )
    query = decoder.norms[2](query + decoder.narrow(torch.relu(decoder.wide(query))))
    folded = net.fold(query).reshape(4, 10, 4, 4)[:, 0]  # channel 0 of each patch
    own = torch.cat([torch.cat([folded[0], folded[1]], 1), torch.cat([folded[2], folded[3]], 1)], 0)
    other = static[None]
    for convolution in net.chain:
        other = convolution(other)
    return net.last(net.joint(torch.stack([own, other[0, 0]], -1)))[..., 0]


@pytest.mark.parametrize("tied", [True, False])
def test_the_network_computes_what_the_paper_describes_token_by_token(tied):
    torch.manual_seed(0)
    net = network(replace(SMALL, tie_encoder_layers=tied)).eval()
    tile, static = torch.randn(5, 10, 8, 8), torch.randn(8, 8, 8)
    with torch.no_grad():
        found = net(tile[None], net.prepare(static[None]))[0]
        np.testing.assert_allclose(found, _by_hand(net, tile, static), atol=2e-5)


def test_the_position_code_is_that_of_the_sinusoid():
    day = network(CONFIGS["paper"]).source.day.numpy()
    place, pair = 3, 10
    angle = place / 10000 ** (2 * pair / 256)
    np.testing.assert_allclose(day[place, 2 * pair : 2 * pair + 2], [np.sin(angle), np.cos(angle)], atol=1e-6)


def test_the_decoder_asks_with_the_earliest_day_unless_told_otherwise():
    torch.manual_seed(0)
    faithful = network(SMALL).eval()
    variant = network(replace(SMALL, query_target_day=True)).eval()
    variant.load_state_dict(faithful.state_dict())
    same_ends = torch.randn(1, 5, 10, 8, 8)
    same_ends[:, 4] = same_ends[:, 0]
    static = torch.zeros(1, 8, 8)
    with torch.no_grad():
        np.testing.assert_array_equal(faithful(same_ends, static), variant(same_ends, static))
        other = torch.randn(1, 5, 10, 8, 8)
        assert not np.allclose(faithful(other, static), variant(other, static), atol=1e-4)


def test_the_static_branch_has_no_activation_unless_told_otherwise():
    torch.manual_seed(0)
    plain, relu = network(SMALL), network(replace(SMALL, static_act="relu"))
    relu.load_state_dict(plain.state_dict())
    a, b = torch.randn(1, 8, 8, 8), torch.randn(1, 8, 8, 8)
    with torch.no_grad():
        for net, straight in ((plain, True), (relu, False)):
            bent = net.prepare(a) + net.prepare(b) - net.prepare(torch.zeros_like(a)) - net.prepare(a + b)
            assert bool(bent.abs().max() < 1e-5) == straight
    with pytest.raises(ModelError, match="no activation"):
        replace(SMALL, static_act="tanh")


# --- scaling ---------------------------------------------------------------------------------------------------------


def test_constants_are_the_stated_ones_and_spans_are_of_trained_cells_only():
    inputs = make_inputs()
    trained = np.zeros(len(inputs.lat), bool)
    trained[: 12 * 32] = True
    scaling = TileScaling.fit(inputs, trained)
    assert scaling.constants["lst"] == (273.15, 50.0)
    assert scaling.constants["precipitation"] == (0.0, 300.0)
    assert scaling.constants["land_cover"] == (0.0, 16.0)
    assert scaling.constants["elevation"] == (0.0, 4500.0)
    clay = inputs.static[: 12 * 32, 2]
    np.testing.assert_allclose(scaling.constants["clay"], (clay.min(), clay.max() - clay.min()), rtol=1e-6)
    np.testing.assert_allclose(scaling.constants["latitude"], (45 - 11 * STEP, 11 * STEP))


def test_channels_come_in_the_published_order_and_what_is_missing_or_beyond_one_is_zero():
    inputs = make_inputs((8, 8), steps=5)
    static = inputs.static.copy()
    static[0, 2], static[1, 1] = np.nan, 9000.0
    inputs = replace(inputs, static=static)
    scaling = TileScaling.fit(inputs, np.ones(64, bool))
    channels, cover = scaling.static(inputs)
    assert channels[0, STATIC.index("clay")] == 0
    assert channels[1, STATIC.index("elevation")] == 0
    assert channels[0, STATIC.index("latitude")] == 1  # the north
    np.testing.assert_allclose(cover, inputs.static[:, 0] / 16, rtol=1e-6)
    values = inputs.dynamic.copy()
    values[0, 0, :3] = 273.15 - 60, 150.0, np.nan
    scaled = scaling.dynamic(inputs, values, cover)
    assert scaled.shape == (5, 64, 10)
    np.testing.assert_allclose(scaled[0, 0, :4], [0, 0.5, cover[0], 0])
    np.testing.assert_allclose(scaled[3, 21, 0], (values[3, 21, 0] - 273.15) / 50, rtol=1e-4)
    np.testing.assert_array_equal(scaled[..., DYNAMIC.index("nbar_7")], values[..., 8])


def test_places_outside_the_training_region_are_cut_to_it():
    inputs = make_inputs((8, 8), steps=5)
    scaling = TileScaling.fit(inputs, np.arange(64) >= 32)
    channels, _ = scaling.static(inputs)
    assert (channels[:32, STATIC.index("latitude")] == 1).all()


def test_constants_come_back_from_json_exactly_and_others_are_refused():
    scaling = TileScaling.fit(make_inputs(), np.ones(24 * 32, bool))
    assert TileScaling.from_json(scaling.to_json()) == scaling
    with pytest.raises(WeightsError, match="scaling"):
        TileScaling.from_json({"constants": {"lst": [0, 1]}, "spacing": 0.1})
    with pytest.raises(WeightsError, match="can't be read"):
        TileScaling.from_json({})


# --- prediction ------------------------------------------------------------------------------------------------------


def _tile(model: TileModel, inputs: Inputs, day: int, row: int, column: int) -> np.ndarray:
    """One tile through the network alone, negative values thrown away."""
    box = np.s_[row : row + 8, column : column + 8]
    static, cover = model.scaling.static(inputs)
    planes = static.reshape(*inputs.shape, -1)[box].transpose(2, 0, 1)[None]
    values = inputs.dynamic.reshape(len(inputs.time), *inputs.shape, -1)
    days = np.stack([values[day - back][box] for back in range(5)])[None]
    dynamic = model.scaling.dynamic(inputs, days, cover.reshape(inputs.shape)[box]).transpose(0, 1, 4, 2, 3).copy()
    with torch.no_grad():
        net = model.network
        sm = net(torch.from_numpy(dynamic), net.prepare(torch.from_numpy(planes.copy())))[0].numpy()
    return np.where(sm < 0, np.nan, sm)


def test_a_cell_is_the_mean_of_four_tilings_along_the_diagonal(fitted):
    inputs = make_inputs()
    day, row, column = 6, 13, 21
    corners = [((row - o) // 8 * 8 + o, (column - p) // 8 * 8 + p) for o, p in OFFSETS]
    tiles = [_tile(fitted, inputs, day, r, c)[row - r, column - c] for r, c in corners]
    np.testing.assert_allclose(maps(fitted, inputs)[day, row, column], np.nanmean(tiles), atol=1e-6)


def test_a_finer_grid_gets_one_tiling_and_the_constants_of_the_training_grid(fitted):
    inputs = make_inputs(spacing=STEP / 9, seed=4)
    np.testing.assert_allclose(maps(fitted, inputs)[5, 8:16, 16:24], _tile(fitted, inputs, 5, 8, 16), atol=1e-6)


@pytest.mark.parametrize("corner", [(8, 8), (16, 24)])
def test_any_window_with_its_halo_gives_a_cell_the_same_value(fitted, corner):
    inputs = make_inputs((48, 56), steps=6, origin=(40, 8), seed=2)
    whole = maps(fitted, inputs)
    row, column = corner
    part = maps(fitted, window(inputs, slice(row - 8, row + 24), slice(column - 8, column + 16)))
    np.testing.assert_allclose(
        part[:, 8:24, 8:16], whole[:, row : row + 16, column : column + 8], atol=1e-5, equal_nan=True
    )


def test_the_lattice_belongs_to_the_whole_grid_not_to_the_window(fitted):
    inputs = make_inputs((32, 32), steps=6, seed=2)
    shifted = maps(fitted, replace(inputs, origin=(3, 5)))
    assert not np.allclose(shifted[5], maps(fitted, inputs)[5], atol=1e-6, equal_nan=True)


def test_the_edge_of_the_data_is_covered_though_no_whole_tile_lies_there(fitted):
    assert np.isfinite(maps(fitted, make_inputs((10, 9), steps=5, origin=(5, 3)))[4]).all()


def test_negative_values_are_thrown_away():
    model = make_model(replace(SMALL, epochs=0))
    model.fit(TrainingData(make_task(make_inputs())), FitRun())
    with torch.no_grad():
        model.network.last.weight.zero_()
        model.network.last.bias.fill_(-0.1)
    assert np.isnan(model.predict(make_inputs())["sm"]).all()


def test_the_first_day_is_the_fifth_and_so_it_is_after_a_gap(fitted):
    inputs = make_inputs(steps=12)
    time = inputs.time.copy()
    time[6:] += np.timedelta64(30, "D")
    days = np.isfinite(fitted.predict(replace(inputs, time=time))["sm"]).any(axis=1)
    np.testing.assert_array_equal(np.flatnonzero(days), [4, 5, 10, 11])


def test_cells_without_inputs_stay_empty_and_their_tile_neighbours_do_not(fitted):
    inputs = make_inputs((16, 16), steps=5)
    dynamic = inputs.dynamic.copy()
    dynamic[:, :20] = np.nan
    sm = fitted.predict(replace(inputs, dynamic=dynamic))["sm"][4]
    assert np.isnan(sm[:20]).all()
    assert np.isfinite(sm[20:]).all()


def test_tiles_without_a_valid_cell_are_not_computed(fitted, monkeypatch):
    inputs = make_inputs((32, 32), steps=5)
    dynamic = inputs.dynamic.reshape(5, 32, 32, 9).copy()
    dynamic[:, 16:] = np.nan
    counted = []
    forward = fitted.network.forward
    monkeypatch.setattr(fitted.network, "forward", lambda x, s: (counted.append(len(x)), forward(x, s))[1])
    fitted.predict(replace(inputs, dynamic=dynamic.reshape(5, -1, 9)))
    assert sum(counted) == 2 * 4 + 3 * (2 * 3)  # tiles that touch the upper half, in four tilings of whole tiles


def test_steps_before_the_first_wanted_one_are_left_out(fitted):
    inputs = make_inputs()
    late = fitted.predict(replace(inputs, first=6))["sm"]
    assert np.isnan(late[:6]).all()
    np.testing.assert_array_equal(late[6:], fitted.predict(inputs)["sm"][6:])


# --- training --------------------------------------------------------------------------------------------------------


def test_a_cell_without_a_target_has_no_part_in_training():
    inputs = make_inputs()
    task = make_task(inputs)
    target = task.target.copy()
    target[:, 8 * 32 :] = np.nan  # everything below the first row of tiles is held out
    dynamic, static = inputs.dynamic.copy(), inputs.static.copy()
    dynamic[:, 8 * 32 :] *= 0.5
    static[8 * 32 :] *= 3
    results = []
    for own in (inputs, replace(inputs, dynamic=dynamic, static=static)):
        model = make_model()
        model.fit(TrainingData(Task(own, target)), FitRun(seed=5))
        results.append(model)
    assert results[0].scaling == results[1].scaling
    np.testing.assert_array_equal(results[0].predict(inputs)["sm"], results[1].predict(inputs)["sm"])


@pytest.mark.slow
def test_missing_targets_are_masked_not_taken_for_zero():
    inputs = make_inputs((8, 8), steps=30)
    target = np.full((30, 64), np.nan)
    target[:, :4] = 0.3
    model = make_model(replace(SMALL, epochs=3, most_steps=0, rate=1e-3, held=0.0))
    losses: list[float] = []
    model.fit(TrainingData(Task(inputs, target)), FitRun(log=lambda record: losses.append(record["loss"])))
    assert losses[0] < 0.02  # zeros in 60 of 64 cells would cost 0.3² · 60 / 64 = 0.08
    assert np.nanmean(model.predict(inputs)["sm"]) > 0.2


def test_validation_blocks_and_training_blocks_are_disjoint():
    inputs = make_inputs((64, 96), steps=8, origin=(32, 64))
    task = make_task(inputs)
    scaling = TileScaling.fit(inputs, np.ones(len(inputs.lat), bool))
    samples = TileSamples.of(task, scaling, CONFIGS["paper"], seed=0)
    tiles = samples.tiles.tiles
    block = np.stack([(tiles.rows + 32) // 32, (tiles.columns + 64) // 32], -1)
    train, held = ({tuple(block[p]) for p in samples.place[part]} for part in (samples.train, samples.held))
    assert len(held) == 1
    assert len(train) == 5
    assert not train & held
    assert samples.day.min() == 4


def test_windows_across_a_gap_in_time_are_no_samples():
    inputs = make_inputs(steps=12)
    time = inputs.time.copy()
    time[6:] += np.timedelta64(30, "D")
    task = make_task(replace(inputs, time=time))
    scaling = TileScaling.fit(inputs, np.ones(len(inputs.lat), bool))
    samples = TileSamples.of(task, scaling, CONFIGS["paper"], seed=0)
    assert set(samples.day) == {4, 5, 10, 11}


def test_a_period_shorter_than_five_days_is_refused():
    with pytest.raises(ModelError, match="5 days"):
        make_model().fit(TrainingData(make_task(make_inputs(steps=4))), FitRun())


def test_inputs_finer_than_the_target_are_refused_and_those_of_no_target_are_not():
    inputs = make_inputs((8, 16), steps=6)
    members = np.full(128, -1)
    members[:64] = np.arange(64)
    target = np.full((6, 64), 0.2)
    make_model().fit(TrainingData(Task(inputs, target, members)), FitRun())
    with pytest.raises(ModelError, match="finer"):
        make_model().fit(TrainingData(Task(inputs, target[:, :32], np.arange(128) // 4)), FitRun())


class _Memory:
    """A checkpoint in memory that can break off a run."""

    def __init__(self) -> None:
        self.kept = None

    def load(self):
        return self.kept

    def save(self, arrays, notes) -> None:
        self.kept = ({name: np.array(value) for name, value in arrays.items()}, dict(notes))

    def finish(self) -> None:
        self.kept = None


@pytest.mark.slow
@pytest.mark.parametrize("one_cycle", [False, True])
def test_a_run_that_was_killed_ends_with_the_same_weights(one_cycle):
    config = replace(SMALL, epochs=4, plateau=1, rate=1e-2, one_cycle=one_cycle)
    data = TrainingData(make_task(make_inputs((64, 96), steps=6)))
    whole = make_model(config)
    whole.fit(data, FitRun(seed=2))
    memory = _Memory()

    def stop(record) -> None:
        if record.get("epoch") == 3:
            raise KeyboardInterrupt

    broken = make_model(config)
    with pytest.raises(KeyboardInterrupt):
        broken.fit(data, FitRun(seed=2, checkpoint=memory, log=stop))
    again = make_model(config)
    again.fit(data, FitRun(seed=2, checkpoint=memory))
    for name, value in whole.save().arrays.items():
        np.testing.assert_array_equal(again.save().arrays[name], value, err_msg=name)


@pytest.mark.slow
def test_what_the_reflectance_says_is_learnt():
    rng = np.random.default_rng(0)
    inputs = make_inputs((16, 16), steps=44)
    wetness = rng.uniform(0, 1, (4, 2, 2)).repeat(11, 0).repeat(8, 1).repeat(8, 2).reshape(44, 256)
    dynamic = inputs.dynamic.copy()
    dynamic[..., 2:] = wetness[..., None]
    task = Task(replace(inputs, dynamic=dynamic), 0.1 + 0.3 * wetness)
    model = make_model(replace(SMALL, hidden=32, epochs=7, most_steps=0, batch=8, rate=1e-3, dropout=0.0))
    losses: list[float] = []
    model.fit(TrainingData(task), FitRun(log=lambda record: losses.append(record["loss"])))
    assert losses[-1] < 0.5 * np.var(task.target)


def test_weights_of_something_else_are_refused(fitted):
    state = fitted.save()
    arrays = dict(list(state.arrays.items())[1:])
    with pytest.raises(WeightsError, match="not of a smsnet"):
        make_model().load(replace(state, arrays=arrays))
    with pytest.raises(WeightsError, match="not of a smsnet"):
        make_model().load(replace(state, settings={}))
